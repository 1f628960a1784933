// SPDX-License-Identifier: GPL-2.0
/*
 * readdir of overlayfs that looks a name up, and gets a signal meanwhile for which there is a
 * handler.  FUSE waits on for the answer to what it has sent, and so does who lists.
 *
 * Wrong looks like more lookups before the handler is run, a name that is listed twice or
 * never, and a number that is not the one of stat().
 */
#include "fs_layers.hpp"

#include <csignal>

namespace {

/* System calls are not begun anew behind it. */
void handle_signal()
{
	struct sigaction action = {};

	action.sa_handler = [](int) {};
	if (::sigaction(SIGUSR1, &action, nullptr))
		throw errno_error("sigaction");
}

/*
 * Somebody whose getdents64() is held in the lookup of the first of three names, and has a
 * signal pending.
 */
class interrupted_lister {
public:
	/* `from`: how many entries it does not want; "." and ".." are the first two. */
	interrupted_lister(fs_rig &rig, off_t from) : rig_(rig)
	{
		for (const char *name : {"a", "b", "c"})
			rig.have(name);
		rig.begin();
		order_ = list_now(rig.s.behind("")).listed;
		rig.t.require(order_.size() == 5 && order_[0] == "." && order_[1] == "..",
			      "below it has: {}", fmt::join(order_, " "));
		call_->fd = open_or_throw(rig.s.dir(), O_RDONLY | O_DIRECTORY);
		rig.t.require(::lseek(call_->fd.get(), from, SEEK_SET) == from, "lseek: errno {}", errno);
		rig.s.hold(first());
		lister_ = &rig.people.start([held = call_] {
			held->list = getdents_once(held->fd.get());
			return answer();
		});
		rig.must_hold(first());
		rig.must_be_in(*lister_, rig.s.looks_up_in(), "the one who lists");
		interrupt();
	}

	const std::string &first() const { return order_[2]; }

	/* What it has listed when the lookup is let go, for which nobody else was looked up. */
	const entries &let_go()
	{
		rig_.s.go();
		rig_.people.must_be_through(*lister_, "the one who lists");
		for (size_t i = 3; i < order_.size(); i++)
			rig_.t.require(rig_.s.asked("lookup", order_[i]) == 0 && !call_->list.has(order_[i]),
				       "it has gone on to {}, with a signal pending", order_[i]);
		return call_->list;
	}

	/* By one call after the other, all else is listed, with the number that stat() tells. */
	void rest_must_be_listed(std::vector<std::string> wanted)
	{
		std::vector<std::string> names = call_->list.names();
		entries next;

		for (const auto &[name, ino] : call_->list.found)
			must_be_number(name, ino);
		do {
			next = getdents_once(call_->fd.get());
			rig_.t.require(next.error == 0, "the next getdents64: errno {}", next.error);
			for (const auto &[name, ino] : next.found) {
				names.push_back(name);
				must_be_number(name, ino);
			}
		} while (!next.found.empty());
		must_be_names(rig_, names, wanted);
		/* The list is kept, since this one has it open. */
		must_agree(rig_, rig_.s.dir());
	}

private:
	/* The thread may outlive us. */
	struct call {
		unique_fd fd;
		entries list;
	};

	/* It has woken up for that, in FUSE, and sleeps again, so that only a fatal one ends it. */
	void interrupt()
	{
		const pid_t pid = lister_->pid(), tid = lister_->tid();

		handle_signal();
		rig_.t.require(::syscall(SYS_tgkill, pid, tid, SIGUSR1) == 0, "tgkill: errno {}", errno);
		rig_.t.require(wait_until(rig_.t.bound(crew::bound), [&] {
				       return look_at(pid, tid).state == 'D' && signal_pending(pid, tid, SIGUSR1);
			       }),
			       "the one who lists does not sleep with a signal pending: {}",
			       to_string(look_at(pid, tid)));
		rig_.must_be_in(*lister_, rig_.s.looks_up_in(), "the one who has a signal pending");
		rig_.t.require(!lister_->done() && rig_.s.held(first()) == 1, "the one who lists was not held");
	}
	void must_be_number(const std::string &name, uint64_t ino)
	{
		const answer now = stat_now(rig_.s.path(name));

		rig_.t.require(now.error == 0 && now.ino == ino, "{}: listed with {}, stat says {} (errno {})",
			       name, ino, now.ino, now.error);
	}

	fs_rig &rig_;
	const std::shared_ptr<call> call_ = std::make_shared<call>();
	std::vector<std::string> order_;
	actor *lister_ = nullptr;
};

/* It tells of what it knows by then, and the next call has the rest. */
void signal_ends_a_list_behind_the_lookup_that_is_under_way(fs_rig &rig)
{
	interrupted_lister lister(rig, 0);
	const entries &list = lister.let_go();

	rig.t.require(list.error == 0 && !list.found.empty(), "getdents64: errno {}, {} names", list.error,
		      list.found.size());
	lister.rest_must_be_listed({".", "..", "a", "b", "c"});
}

/* FUSE servers may answer so when they are told of the signal. */
const entries &list_of_an_interrupted_lookup(fs_rig &rig, interrupted_lister &lister)
{
	rig.s.fail(lister.first(), EINTR);
	const entries &list = lister.let_go();

	rig.s.fail(lister.first(), 0);
	rig.t.require(!list.has(lister.first()), "{} is listed, and could not be looked up", lister.first());
	return list;
}

void entry_whose_lookup_a_signal_has_cut_short_is_not_listed_yet(fs_rig &rig)
{
	need_unlocked_lists(rig);
	interrupted_lister lister(rig, 0);
	const entries &list = list_of_an_interrupted_lookup(rig, lister);

	rig.t.require(list.error == (list.found.empty() ? EINTR : 0), "getdents64: errno {}, {} names",
		      list.error, list.found.size());
	lister.rest_must_be_listed({".", "..", "a", "b", "c"});
}

/* There is nothing to tell of before it. */
void list_that_begins_with_a_lookup_that_a_signal_has_cut_short_fails(fs_rig &rig)
{
	need_unlocked_lists(rig);
	interrupted_lister lister(rig, 2);
	const entries &list = list_of_an_interrupted_lookup(rig, lister);

	rig.t.require(list.error == EINTR && list.found.empty(), "getdents64: errno {}, {} names, want EINTR",
		      list.error, list.found.size());
	lister.rest_must_be_listed({"a", "b", "c"});
}

} /* namespace */

std::vector<claim> claims_about_interrupted_layers()
{
	return {
		CLAIM(signal_ends_a_list_behind_the_lookup_that_is_under_way, layers),
		CLAIM(entry_whose_lookup_a_signal_has_cut_short_is_not_listed_yet, layers),
		CLAIM(list_that_begins_with_a_lookup_that_a_signal_has_cut_short_fails, layers),
	};
}
