// SPDX-License-Identifier: GPL-2.0
/*
 * readdir of overlayfs in a directory of which something is known already: the list, the
 * first of its entries, or that none of them needs a number of its own.
 *
 * Wrong looks like a lookup that waits for the whole list, and a flag on the disk that stays
 * since somebody without rights has listed the directory.
 */
#include "fs_layers.hpp"
#include "server_root.hpp"

#include <set>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

namespace fs = std::filesystem;

namespace {

/* How many names, and one in the middle: behind more than are looked up in one go. */
constexpr unsigned many = 400;

std::string one_in_the_middle_of_many(fs_rig &rig)
{
	for (unsigned i = 0; i < many; i++)
		rig.have(fmt::format("entry-{}", i));
	std::vector<std::string> order = list_now(rig.s.behind("")).listed;

	rig.t.require(order.size() > many, "{} names", order.size());
	order.resize(many / 2);
	const auto middle = std::find_if(order.rbegin(), order.rend(),
					 [](const std::string &name) { return name.starts_with("entry-"); });

	rig.t.require(middle != order.rend(), "no entry among the first {}", order.size());
	return *middle;
}

std::vector<std::string> all_of_many()
{
	std::set<std::string> names;

	for (unsigned i = 0; i < many; i++)
		names.insert(fmt::format("entry-{}", i));
	return {names.begin(), names.end()};
}

/* How long a lookup of another name takes meanwhile, and the list: figures, on a busy emulator. */
void lookup_during_a_long_list(fs_rig &rig)
{
	using clock = std::chrono::steady_clock;
	using std::chrono::duration_cast;
	using us = std::chrono::microseconds;
	const std::string middle = one_in_the_middle_of_many(rig);

	rig.begin();
	const bool unlocked = lists_unlocked(rig);
	actor &lister = held_lister(rig, rig.s.dir(), middle);
	actor &bystander = rig.people.start(stat_of(rig.s.path("absent")));

	if (unlocked)
		rig.people.must_fail(bystander, ENOENT, "who asks for another name");
	else
		rig.must_wait_for_the_directory(bystander, "who asks for another name");
	const auto begin = clock::now();

	rig.s.go();
	rig.people.must_fail(bystander, ENOENT, "who asks for another name");
	const auto found = clock::now();
	const answer &list = rig.people.answer_of(lister, "the one who lists");
	const auto listed = clock::now();

	rig.t.note("a lookup of another name waited {} us for a list of {} names that took {} us more than the one it was held in",
		   unlocked ? 0 : duration_cast<us>(found - begin).count(), many,
		   duration_cast<us>(listed - begin).count());
	must_list(rig, list, all_of_many());
}

/* Reads the list of all, and lists one entry. */
void list_one(fs_rig &rig, DIR *d)
{
	/* The shortest record there is: "." takes it. */
	alignas(uint64_t) char buffer[24];
	const long n = ::syscall(SYS_getdents64, ::dirfd(d), buffer, sizeof(buffer));

	rig.t.require(n > 0, "getdents64 of one entry: {}, errno {}", n, errno);
}

/*
 * The list is there since another has it open, and all but the first names in it have not
 * been looked up.  So the one who finds it has to do that, without the lock.
 */
void lookup_during_a_list_that_another_has_read(fs_rig &rig)
{
	need_unlocked_lists(rig);
	const std::string middle = one_in_the_middle_of_many(rig);

	rig.begin();
	const auto other = open_directory(rig.s.dir());
	const unsigned before = rig.s.asked("list", rig.s.sub);

	list_one(rig, other.get());
	const unsigned read = rig.s.asked("list", rig.s.sub);

	rig.t.require(read > before, "the other one has read no list");
	bystander_asks_for_another_name(rig, rig.s.dir(), middle, all_of_many());
	rig.t.require(rig.s.asked("list", rig.s.sub) == read, "the list was read once more");
}

/*
 * A directory of the upper layer is marked when something of a lower one comes into it, on
 * the disk as well.  Whoever lists it and finds that nothing of the kind is left takes the
 * mark away, with the rights of the one who has mounted it.
 */
void list_by_somebody_without_rights_takes_the_mark_away(fs_rig &rig)
{
	static constexpr const char mark[] = "trusted.overlay.impure";
	const temp_dir layers, top;
	const mounted memory("tmpfs", layers.path(), "");
	const std::string dir = top.path() + "/dir", upper = layers.path() + "/upper";
	const auto mount_it = [&] {
		return std::make_unique<mounted>("overlay", top.path(),
						 fmt::format("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work,xino=on",
							     layers.path()));
	};

	for (const char *layer : {"/lower", "/upper", "/work"})
		fs::create_directory(layers.path() + layer);
	write_file(layers.path() + "/lower/file", "");
	{
		const auto overlay = mount_it();

		fs::create_directory(dir);
		fs::rename(top.path() + "/file", dir + "/file");
		fs::remove(dir + "/file");
	}
	const auto is_marked = [&] { return ::getxattr((upper + "/dir").c_str(), mark, nullptr, 0) >= 0; };

	rig.t.require(is_marked(), "{} is not there after a rename into the directory: errno {}", mark, errno);
	const auto overlay = mount_it();
	/* It was opened before, since the way to it is closed to others. */
	const auto open = open_directory(dir);
	const pid_t child = ::fork();

	if (!child) {
		char buffer[1024];
		bool ok = ::syscall(SYS_setresuid, 65534, 65534, 65534) == 0;

		ok = ok && ::syscall(SYS_getdents64, ::dirfd(open.get()), buffer, sizeof(buffer)) > 0;
		::_exit(ok ? 0 : 1);
	}
	int status = 0;

	rig.t.require(child > 0 && ::waitpid(child, &status, 0) == child && status == 0,
		      "the list by another user: status {:#x}", status);
	rig.t.require(!is_marked(), "{} is still there after a list by another user", mark);
}

} /* namespace */

std::vector<claim> claims_about_known_layers()
{
	return {
		CLAIM(lookup_during_a_long_list, layers),
		CLAIM(lookup_during_a_list_that_another_has_read, layers),
		CLAIM(list_by_somebody_without_rights_takes_the_mark_away, layers),
	};
}
