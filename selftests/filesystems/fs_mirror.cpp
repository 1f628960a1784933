// SPDX-License-Identifier: GPL-2.0
/* See fs_mirror.hpp. */
#include "fs_mirror.hpp"

#include <linux/magic.h>
#include <sys/statfs.h>

held_mirror::held_mirror(ktap::test_case &t, const std::string &name, const std::string &where)
	: source_(server_state + "/" + name), where_(where)
{
	const std::string control = server_state + "/" + name + ".control";
	const server mirror(name + "-mirror",
			    {"/selftests/lookup_fuse_server", "--threads", "24", "--control", control,
			     source_, where_}, false);

	std::filesystem::create_directories(source_);
	if (!filesystem_registered("fuse"))
		t.skip("this kernel has no FUSE");
	/* What has lost its server fails with ENOTCONN. */
	const auto connect = [&] {
		struct statfs st;

		if (::statfs(where_.c_str(), &st) || st.f_type != FUSE_SUPER_MAGIC)
			return false;
		try {
			holder = std::make_unique<fuse_holder>(control);
			return true;
		} catch (const std::system_error &) {
			return false;
		}
	};

	if (connect())
		return;
	::umount2(where_.c_str(), MNT_DETACH);
	std::filesystem::create_directories(where_);
	mirror.end(t);
	mirror.ensure(t);
	/* The program goes on in the background once it is mounted. */
	if (!wait_until(t.bound(crew::bound), connect))
		t.fail("{}", mirror.complaint());
}
