// SPDX-License-Identifier: GPL-2.0
/*
 * readdir that looks names up in the layers below.  Where the directory is locked for that,
 * all other lookups in it wait, for as long as the lowest layer takes; where the list is
 * made first and the lock taken afterwards, it has to be made anew if the directory has
 * changed.
 *
 * Wrong looks like a lookup that waits for a list, a list of what was there before, and an
 * entry that is missing since somebody could not look it up.
 */
#include "fs_rig.hpp"
#include "kernel.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

namespace fs = std::filesystem;

namespace {

bool lists_unlocked(fs_rig &rig)
{
	return kernel_has(rig.t, "ovl_iterate_shared");
}

void need_unlocked_lists(fs_rig &rig)
{
	if (!lists_unlocked(rig))
		rig.t.skip("overlayfs of this kernel lists a directory locked: SERIES=readdir");
}

/* All names but "." and "..", in order. */
std::vector<std::string> names_of(fs_rig &rig, const answer &list)
{
	std::vector<std::string> names = list.listed;

	rig.t.require(list.error == 0, "the one who lists: errno {}", list.error);
	std::erase_if(names, [](const std::string &name) { return name == "." || name == ".."; });
	std::sort(names.begin(), names.end());
	return names;
}

void must_list(fs_rig &rig, const answer &list, const std::vector<std::string> &wanted)
{
	const auto names = names_of(rig, list);

	rig.t.require(names == wanted, "listed: {}; want {}", fmt::join(names, " "), fmt::join(wanted, " "));
}

/* Nobody makes this wait. */
void must_do(fs_rig &rig, const action &what, const char *name)
{
	rig.people.must_find(rig.people.start(what), name);
}

/* Somebody lists @dir and is held in a lookup of @name in the lowest layer. */
actor &held_lister(fs_rig &rig, const std::string &dir, const std::string &name)
{
	rig.s.hold(name);
	actor &lister = rig.people.start(list_of(dir));

	rig.must_hold(name);
	return lister;
}

/* The stack of a task that sleeps for a lock ends in the function that takes it. */
void must_wait_for_the_lock(fs_rig &rig, const actor &who)
{
	std::string stack;

	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] {
			      stack = rig.stack_of(who);
			      return stack.find("walk_component") != stack.npos && stack.find("ovl_") == stack.npos &&
				     look_at(who.pid(), who.tid()).state == 'D';
		      }),
		      "who asks for another name does not wait for the lock of the directory: {}", stack);
}

void bystander_asks_for_another_name(fs_rig &rig, const std::string &dir, const std::string &held,
				     const std::vector<std::string> &names)
{
	const bool unlocked = lists_unlocked(rig);
	actor &lister = held_lister(rig, dir, held);
	actor &bystander = rig.people.start(stat_of(dir + "/absent"));

	if (unlocked)
		rig.people.must_fail(bystander, ENOENT, "who asks for another name");
	else
		must_wait_for_the_lock(rig, bystander);
	rig.t.require(!lister.done(), "the one who lists was not held");
	rig.s.go();
	must_list(rig, rig.people.answer_of(lister, "the one who lists"), names);
	if (!unlocked)
		rig.people.must_fail(bystander, ENOENT, "who asks for another name");
}

/* Without the change of overlayfs the same shows that the lookup waits. */
void lookup_and_list_of_a_merged_directory(fs_rig &rig)
{
	rig.have("a");
	rig.have("b");
	rig.begin();
	bystander_asks_for_another_name(rig, rig.s.dir(), "a", {"a", "b"});
}

/* How long a lookup of another name takes meanwhile, and the list: figures, on a busy emulator. */
void lookup_during_a_long_list(fs_rig &rig)
{
	using clock = std::chrono::steady_clock;
	using std::chrono::duration_cast;
	using us = std::chrono::microseconds;
	constexpr unsigned entries = 400;

	for (unsigned i = 0; i < entries; i++)
		rig.have(fmt::format("entry-{}", i));
	const answer order = list_now(rig.s.behind(""));
	const auto first = std::find_if(order.listed.begin(), order.listed.end(),
					[](const std::string &name) { return name.starts_with("entry-"); });

	rig.t.require(first != order.listed.end(), "{} names", order.listed.size());
	rig.begin();
	const bool unlocked = lists_unlocked(rig);
	actor &lister = held_lister(rig, rig.s.dir(), *first);
	actor &bystander = rig.people.start(stat_of(rig.s.path("absent")));

	if (unlocked)
		rig.people.must_fail(bystander, ENOENT, "who asks for another name");
	else
		must_wait_for_the_lock(rig, bystander);
	const auto begin = clock::now();

	rig.s.go();
	rig.people.must_fail(bystander, ENOENT, "who asks for another name");
	const auto found = clock::now();
	const answer &list = rig.people.answer_of(lister, "the one who lists");
	const auto listed = clock::now();

	rig.t.note("a lookup of another name waited {} us for a list of {} names that took {} us more than the one it was held in",
		   unlocked ? 0 : duration_cast<us>(found - begin).count(), entries,
		   duration_cast<us>(listed - begin).count());
	rig.t.require(list.error == 0 && list.listed.size() == entries + 2, "errno {}, {} names", list.error,
		      list.listed.size());
}

/* A directory of the upper layer into which one of the layer below was moved. */
std::string impure_directory(fs_rig &rig)
{
	const std::string dir = rig.s.path("impure");

	fs::create_directory(rig.s.behind("below"));
	rig.begin();
	fs::create_directory(dir);
	fs::create_directory(dir + "/pure");
	const answer moved = rename_of(rig.s.path("below"), dir + "/moved")();

	rig.t.require(moved.error == 0, "a directory of the lower layer cannot be moved: errno {}", moved.error);
	/* All that is cached of it goes. */
	const int error = rig.s.unmount();

	rig.t.require(error == 0, "umount: errno {}", error);
	rig.begin();
	return dir;
}

void lookup_and_list_of_an_impure_directory(fs_rig &rig)
{
	const std::string dir = impure_directory(rig);

	bystander_asks_for_another_name(rig, dir, "below", {"moved", "pure"});
}

/* What is listed is what stat() says, whoever was asked first. */
void must_agree(fs_rig &rig, const std::string &dir)
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

void lists_and_stat_agree(fs_rig &rig)
{
	rig.have("a");
	rig.have("copied");
	const std::string dir = impure_directory(rig);

	rig.t.require(open_now(rig.s.path("copied"), O_WRONLY).error == 0, "copy up: errno {}", errno);
	must_agree(rig, rig.s.dir());
	must_agree(rig, dir);
}

/* The lower layer has been asked for its list, and the upper one has told its already. */
actor &lister_held_in_list(fs_rig &rig)
{
	rig.s.hold("list", rig.s.sub);
	actor &lister = rig.people.start(list_of(rig.s.dir()));

	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] { return rig.s.held("list", rig.s.sub) > 0; }),
		      "no list of {} is kept back", rig.s.sub);
	return lister;
}

void list_of_a_directory_that_changes_meanwhile(fs_rig &rig)
{
	need_unlocked_lists(rig);
	for (const char *name : {"a", "b", "c"})
		rig.have(name);
	rig.begin();
	actor &lister = lister_held_in_list(rig);

	must_do(rig, unlink_of(rig.s.path("b")), "unlink");
	must_do(rig, open_of(rig.s.path("d"), O_CREAT | O_WRONLY, 0644), "creat");
	must_do(rig, rename_of(rig.s.path("c"), rig.s.path("e")), "rename");
	rig.t.require(!lister.done(), "the one who lists was not held");
	rig.s.go();
	must_list(rig, rig.people.answer_of(lister, "the one who lists"), {"a", "d", "e"});
	must_list(rig, list_now(rig.s.dir()), {"a", "d", "e"});
}

/*
 * What is cached is only asked for again, without any lock.  Of this directory only the
 * numbers are kept, so the wrong one of an entry is what a stale list would show.
 */
void list_of_an_impure_directory_that_changes_meanwhile(fs_rig &rig)
{
	need_unlocked_lists(rig);
	fs::create_directory(rig.s.behind("other"));
	const std::string dir = impure_directory(rig);

	must_do(rig, stat_of(dir + "/moved"), "stat");
	actor &lister = held_lister(rig, dir, "below");

	must_do(rig, rename_of(rig.s.path("other"), dir + "/also"), "rename");
	rig.t.require(!lister.done(), "the one who lists was not held");
	rig.s.go();
	must_list(rig, rig.people.answer_of(lister, "the one who lists"), {"also", "moved", "pure"});
	must_agree(rig, dir);
}

/* Several list it at the same time; each makes its list, and one is kept. */
void lists_at_the_same_time(fs_rig &rig)
{
	need_unlocked_lists(rig);
	rig.have("a");
	rig.have("b");
	rig.begin();
	rig.s.hold("list", rig.s.sub);
	auto listers = rig.people.start(waiters, list_of(rig.s.dir()));

	/* All of them have asked, so nobody waits for the list of another. */
	rig.t.require(wait_until(rig.t.bound(crew::bound),
				 [&] { return rig.s.held("list", rig.s.sub) == waiters; }),
		      "{} of {} lists are kept back", rig.s.held("list", rig.s.sub), waiters);
	rig.s.go();
	for (actor *l : listers)
		must_list(rig, rig.people.answer_of(*l, "one who lists"), {"a", "b"});
}

/*
 * The list is kept as long as somebody has the directory open.  An entry that could not be
 * looked up has to be in the next one's all the same.
 */
void entry_that_could_not_be_looked_up_is_listed_later(fs_rig &rig)
{
	need_unlocked_lists(rig);
	rig.have("a");
	rig.have("b");
	rig.begin();
	const unique_fd open(open_or_throw(rig.s.dir(), O_RDONLY | O_DIRECTORY));
	alignas(dirent64) char buffer[4096];

	rig.s.fail("a", EIO);
	long n;

	/* Names that came before it may have been listed. */
	while ((n = ::syscall(SYS_getdents64, open.get(), buffer, sizeof(buffer))) > 0)
		;
	const int error = n < 0 ? errno : 0;

	rig.t.require(error == EIO, "a list with an error in it: errno {}", error);
	rig.s.fail("a", 0);
	must_list(rig, list_now(rig.s.dir()), {"a", "b"});
}

} /* namespace */

std::vector<claim> claims_about_layers()
{
	return {
		CLAIM(lookup_and_list_of_a_merged_directory, layers),
		CLAIM(lookup_and_list_of_an_impure_directory, layers),
		CLAIM(lookup_during_a_long_list, layers),
		CLAIM(lists_and_stat_agree, layers),
		CLAIM(list_of_a_directory_that_changes_meanwhile, layers),
		CLAIM(list_of_an_impure_directory_that_changes_meanwhile, layers),
		CLAIM(lists_at_the_same_time, layers),
		CLAIM(entry_that_could_not_be_looked_up_is_listed_later, layers),
	};
}
