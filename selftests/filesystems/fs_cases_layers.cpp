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
#include "fs_layers.hpp"
#include "server_root.hpp"

#include <filesystem>
#include <sys/xattr.h>

namespace fs = std::filesystem;

namespace {

/* Nobody makes this wait. */
void must_do(fs_rig &rig, const action &what, const char *name)
{
	rig.people.must_find(rig.people.start(what), name);
}

/*
 * Who waits for another to read sleeps in the function of overlayfs that does so.  That it
 * is not for the lock shows in that it can be killed, and in that nobody else waits.
 */
template <class Thread> void must_wait_for_the_reader(fs_rig &rig, const Thread &who)
{
	std::string stack;

	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] {
			      stack = rig.stack_of(who);
			      return stack.starts_with("[<0>] ovl_") && look_at(who.pid(), who.tid()).state == 'D';
		      }),
		      "who lists it, too, does not wait for the one who reads: {}", stack);
}

/* Without the change of overlayfs the same shows that the lookup waits. */
void lookup_and_list_of_a_merged_directory(fs_rig &rig)
{
	rig.have("a");
	rig.have("b");
	rig.begin();
	bystander_asks_for_another_name(rig, rig.s.dir(), "a", {"a", "b"});
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

void lists_and_stat_agree(fs_rig &rig)
{
	rig.have("a");
	rig.have("copied");
	const std::string dir = impure_directory(rig);

	rig.t.require(open_now(rig.s.path("copied"), O_WRONLY).error == 0, "copy up: errno {}", errno);
	must_agree(rig, rig.s.dir());
	must_agree(rig, dir);
}

void must_hold_the_list(fs_rig &rig)
{
	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] { return rig.s.held("list", rig.s.sub) > 0; }),
		      "no list of {} is kept back", rig.s.sub);
}

/* The lower layer has been asked for its list, and the upper one has told its already. */
actor &lister_held_in_list(fs_rig &rig)
{
	rig.s.hold("list", rig.s.sub);
	actor &lister = rig.people.start(list_of(rig.s.dir()));

	must_hold_the_list(rig);
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

actor &held_reader(fs_rig &rig, const std::shared_ptr<DIR> &open)
{
	rig.s.hold("list", rig.s.sub);
	actor &reader = rig.people.start([open] { return list_rest(open.get()); });

	must_hold_the_list(rig);
	return reader;
}

/*
 * One reads the layers for all who list it at the same time.  Those who wait for that one
 * do not have the lock of the directory, and can be killed.
 */
void lists_at_the_same_time_read_the_layers_once(fs_rig &rig)
{
	need_unlocked_lists(rig);
	rig.have("a");
	rig.have("b");
	rig.begin();
	must_list(rig, list_now(rig.s.dir()), {"a", "b"});
	const unsigned once = rig.s.asked("list", rig.s.sub);

	rig.t.require(once > 0, "the server was not asked for a list");
	const auto open = open_directory(rig.s.dir());
	actor &reader = held_reader(rig, open);
	auto others = rig.people.start(waiters, list_of(rig.s.dir()));
	process victim(rig.s.dir(), process::list_once);

	for (actor *other : others)
		must_wait_for_the_reader(rig, *other);
	must_wait_for_the_reader(rig, victim);
	victim.kill();
	rig.people.must_be_through(victim, "the victim");
	rig.t.require(victim.was_killed(), "the victim ended by itself");
	must_do(rig, stat_of(rig.s.path("a")), "stat");
	rig.t.require(!reader.done(), "the one who reads was not held");
	rig.s.go();
	must_list(rig, rig.people.answer_of(reader, "the one who reads"), {"a", "b"});
	for (actor *other : others)
		must_list(rig, rig.people.answer_of(*other, "one who lists it, too"), {"a", "b"});
	rig.t.require(rig.s.asked("list", rig.s.sub) == 2 * once, "{} requests for two times {}",
		      rig.s.asked("list", rig.s.sub), once);
}

/* FUSE waits for the answer to what it has sent; then the next one reads. */
void list_goes_on_when_the_one_who_reads_is_killed(fs_rig &rig)
{
	need_unlocked_lists(rig);
	for (const char *name : {"a", "b"})
		rig.have(name);
	rig.begin();
	rig.s.hold("list", rig.s.sub);
	process victim(rig.s.dir(), process::list_once);

	must_hold_the_list(rig);
	auto others = rig.people.start(waiters, list_of(rig.s.dir()));

	for (actor *other : others)
		must_wait_for_the_reader(rig, *other);
	victim.kill();
	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] { return victim.kill_pending(); }),
		      "no SIGKILL is pending");
	rig.s.go();
	rig.people.must_be_through(victim, "the victim");
	rig.t.require(victim.was_killed(), "the victim ended by itself");
	for (actor *other : others)
		must_list(rig, rig.people.answer_of(*other, "one who lists it, too"), {"a", "b"});
}

/*
 * All of them are listed, by whoever comes, and each is looked up once by one who lists.
 * FUSE asks twice the first time, since it has made a dentry of what READDIRPLUS told, asks
 * whether that is valid, and looks the name up when it is not.
 *
 * The list is kept as long as somebody has the directory open, and what could not be looked
 * up is looked up for the next one all the same.
 */
void entries_that_cannot_be_looked_up_are_listed(fs_rig &rig)
{
	need_unlocked_lists(rig);
	for (const char *name : {"a", "b", "c"})
		rig.have(name);
	rig.begin();
	const auto open = open_directory(rig.s.dir());
	const auto all_were_asked_for = [&](unsigned times) {
		for (const char *name : {"a", "b"})
			rig.t.require(rig.s.asked("lookup", name) == times, "{} was asked for {} times, want {}",
				      name, rig.s.asked("lookup", name), times);
	};

	for (const char *name : {"a", "b"})
		rig.s.fail(name, EIO);
	must_list(rig, list_rest(open.get()), {"a", "b", "c"});
	all_were_asked_for(2);
	must_list(rig, list_now(rig.s.dir()), {"a", "b", "c"});
	all_were_asked_for(3);
	rig.t.require(stat_now(rig.s.path("a")).error == EIO, "stat: errno {}", stat_now(rig.s.path("a")).error);
	for (const char *name : {"a", "b"})
		rig.s.fail(name, 0);
	must_agree(rig, rig.s.dir());
}

/* Who lists is told of them and of what comes behind them by one call, however many there are. */
void entries_that_cannot_be_looked_up_do_not_end_the_list(fs_rig &rig)
{
	need_unlocked_lists(rig);
	for (const char *name : {"a", "b", "c"})
		rig.have(name);
	rig.begin();
	std::vector<std::string> order = list_now(rig.s.behind("")).listed;
	const unique_fd fd = open_or_throw(rig.s.dir(), O_RDONLY | O_DIRECTORY);

	std::erase_if(order, [](const std::string &name) { return name.starts_with("."); });
	rig.t.require(order.size() == 3, "below it has: {}", fmt::join(order, " "));
	for (int i : {0, 1})
		rig.s.fail(order[i], EIO);
	const entries list = getdents_once(fd.get());
	const std::pair<std::string, uint64_t> last = {order[2], stat_now(rig.s.path(order[2])).ino};

	rig.t.require(list.error == 0, "getdents64: errno {}", list.error);
	must_be_names(rig, list.names(), {".", "..", "a", "b", "c"});
	for (int i : {0, 1})
		rig.t.require(rig.s.asked("lookup", order[i]) > 0, "nobody has looked {} up", order[i]);
	rig.t.require(std::count(list.found.begin(), list.found.end(), last) == 1,
		      "{} is not listed with {}, which stat says", last.first, last.second);
}

/* What is cached of an impure directory are the numbers of what came from below. */
void file_linked_into_an_impure_directory_is_listed_with_its_number(fs_rig &rig)
{
	need_unlocked_lists(rig);
	rig.have("copied");
	const std::string dir = impure_directory(rig);
	const std::string linked = dir + "/linked";

	rig.t.require(open_now(rig.s.path("copied"), O_WRONLY).error == 0, "copy up: errno {}", errno);
	must_list(rig, list_now(dir), {"moved", "pure"});
	if (::link(rig.s.path("copied").c_str(), linked.c_str()))
		throw errno_error(linked);
	must_agree(rig, dir);
}

/* A regular file with that attribute is a whiteout, in a directory that says that it has some. */
void entry_that_is_checked_for_a_whiteout_keeps_its_number(fs_rig &rig)
{
	need_unlocked_lists(rig);
	rig.have("below");
	rig.have("gone");
	const temp_dir layer, top;
	const mounted memory("tmpfs", layer.path(), "");
	const std::string dir = layer.path() + "/" + rig.s.sub, gone = dir + "/gone";
	const fs::path below = fs::path(rig.s.at_server("")).parent_path().parent_path();

	fs::create_directory(dir);
	write_file(dir + "/there", "");
	write_file(gone, "");
	if (::setxattr(gone.c_str(), "trusted.overlay.whiteout", "y", 1, 0) ||
	    ::setxattr(dir.c_str(), "trusted.overlay.opaque", "x", 1, 0))
		throw errno_error("setxattr " + dir);
	const mounted overlay("overlay", top.path(),
			      fmt::format("lowerdir={}:{},xino=on", layer.path(), below.native()));
	const std::string merged = top.path() + "/" + rig.s.sub;
	const auto open = open_directory(merged);

	/* What this one has found out is what the next one finds. */
	must_list(rig, list_rest(open.get()), {"below", "there"});
	must_agree(rig, merged);
	must_list(rig, list_now(merged), {"below", "there"});
}

} /* namespace */

std::vector<claim> claims_about_layers()
{
	return {
		CLAIM(lookup_and_list_of_a_merged_directory, layers),
		CLAIM(lookup_and_list_of_an_impure_directory, layers),
		CLAIM(lists_and_stat_agree, layers),
		CLAIM(list_of_a_directory_that_changes_meanwhile, layers),
		CLAIM(list_of_an_impure_directory_that_changes_meanwhile, layers),
		CLAIM(lists_at_the_same_time_read_the_layers_once, layers),
		CLAIM(list_goes_on_when_the_one_who_reads_is_killed, layers),
		CLAIM(entries_that_cannot_be_looked_up_are_listed, layers),
		CLAIM(entries_that_cannot_be_looked_up_do_not_end_the_list, layers),
		CLAIM(file_linked_into_an_impure_directory_is_listed_with_its_number, layers),
		CLAIM(entry_that_is_checked_for_a_whiteout_keeps_its_number, layers),
	};
}
