/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases about lists of overlayfs share: somebody who lists is held in a lookup in
 * the lowest layer, and somebody else wants something of that directory.
 */
#pragma once

#include "fs_rig.hpp"
#include "kernel.hpp"

#include <algorithm>
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

inline void must_list(fs_rig &rig, const answer &list, const std::vector<std::string> &wanted)
{
	const auto names = names_of(rig, list);

	rig.t.require(names == wanted, "listed: {}; want {}", fmt::join(names, " "), fmt::join(wanted, " "));
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
