/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases about lists of overlayfs share: somebody who lists is held in a lookup in
 * the lowest layer, and somebody else wants something of that directory.
 */
#pragma once

#include "fs_rig.hpp"
#include "kernel.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

inline bool lists_unlocked(fs_rig &rig)
{
	return kernel_has(rig.t, "ovl_iterate_shared");
}

inline void need_unlocked_lists(fs_rig &rig)
{
	if (!lists_unlocked(rig))
		rig.t.skip("overlayfs of this kernel lists a directory locked: SERIES=readdir");
}

/* All names but "." and "..", in order. */
inline std::vector<std::string> names_of(fs_rig &rig, const answer &list)
{
	std::vector<std::string> names = list.listed;

	rig.t.require(list.error == 0, "the one who lists: errno {}", list.error);
	std::erase_if(names, [](const std::string &name) { return name == "." || name == ".."; });
	std::sort(names.begin(), names.end());
	return names;
}

/* These, each once, in any order. */
inline void must_be_names(fs_rig &rig, std::vector<std::string> names, const std::vector<std::string> &wanted)
{
	std::sort(names.begin(), names.end());
	rig.t.require(names == wanted, "listed: {}; want {}", fmt::join(names, " "), fmt::join(wanted, " "));
}

inline void must_list(fs_rig &rig, const answer &list, const std::vector<std::string> &wanted)
{
	must_be_names(rig, names_of(rig, list), wanted);
}

/* Somebody lists @dir and is held in a lookup of @name in the lowest layer. */
inline actor &held_lister(fs_rig &rig, const std::string &dir, const std::string &name)
{
	rig.s.hold(name);
	actor &lister = rig.people.start(list_of(dir));

	rig.must_hold(name);
	return lister;
}

inline void bystander_asks_for_another_name(fs_rig &rig, const std::string &dir, const std::string &held,
					    const std::vector<std::string> &names)
{
	const bool unlocked = lists_unlocked(rig);
	actor &lister = held_lister(rig, dir, held);
	actor &bystander = rig.people.start(stat_of(dir + "/absent"));

	if (unlocked)
		rig.people.must_fail(bystander, ENOENT, "who asks for another name");
	else
		rig.must_wait_for_the_directory(bystander, "who asks for another name");
	rig.t.require(!lister.done(), "the one who lists was not held");
	rig.s.go();
	must_list(rig, rig.people.answer_of(lister, "the one who lists"), names);
	if (!unlocked)
		rig.people.must_fail(bystander, ENOENT, "who asks for another name");
}

/* What is cached of a directory is kept as long as somebody has it open. */
inline std::shared_ptr<DIR> open_directory(const std::string &dir)
{
	DIR *d = ::opendir(dir.c_str());

	if (!d)
		throw errno_error(dir);
	return {d, ::closedir};
}

/* What is listed is what stat() says, whoever was asked first. */
inline void must_agree(fs_rig &rig, const std::string &dir)
{
	std::unique_ptr<DIR, int (*)(DIR *)> d(::opendir(dir.c_str()), ::closedir);
	std::map<std::string, uint64_t> listed;

	rig.t.require(d != nullptr, "opendir {}: errno {}", dir, errno);
	while (const dirent *e = ::readdir(d.get()))
		listed[e->d_name] = e->d_ino;
	rig.t.require(listed.size() > 2, "{} names in {}", listed.size(), dir);
	for (const auto &[name, ino] : listed)
		rig.t.require(ino == stat_now(dir + "/" + name).ino, "{}/{}: listed with {}, stat says {}",
			      dir, name, ino, stat_now(dir + "/" + name).ino);
}

/* What one call lists, each name with its number. */
struct entries {
	std::vector<std::string> names() const
	{
		std::vector<std::string> all;

		for (const auto &[name, ino] : found)
			all.push_back(name);
		return all;
	}
	bool has(const std::string &name) const
	{
		return std::any_of(found.begin(), found.end(), [&](const auto &e) { return e.first == name; });
	}

	int error = 0;
	std::vector<std::pair<std::string, uint64_t>> found;
};

inline entries getdents_once(int fd)
{
	alignas(dirent64) std::array<char, 32768> buffer;
	const long n = ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
	entries list;

	if (n < 0)
		list.error = errno;
	for (long at = 0; at < n;) {
		const auto *e = reinterpret_cast<const dirent64 *>(buffer.data() + at);

		list.found.emplace_back(e->d_name, e->d_ino);
		at += e->d_reclen;
	}
	return list;
}
