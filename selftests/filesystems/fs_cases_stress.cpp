// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_stress on each filesystem, with all its checks: many threads on few names.  Where
 * there is a server, a second client looks at the same names meanwhile, and the server
 * changes others behind the back of both.  Wrong is, beside what lookup_stress finds, an
 * error that no change explains, or that in the end the clients do not see what is there.
 */
#include "fs_rig.hpp"

#include <algorithm>
#include <spawn.h>

namespace {

constexpr unsigned stress_seconds = 4;

/* lookup_stress as a process, whose words go to a log. */
class stress_process {
public:
	explicit stress_process(fs_rig &rig, const char *option)
		: t_(rig.t), log_(fmt::format("/tmp/lookup_stress.{}.log", ::getpid()))
	{
		const std::string dir = rig.s.dir(), seed = std::to_string(seed_of_stress);
		const std::string seconds = std::to_string(stress_seconds);
		const char *words[] = {"/selftests/lookup_stress", "--dir", dir.c_str(), "--seed", seed.c_str(),
				       "--duration", seconds.c_str(), "--cold", "400", "--max-op-ms", "30000",
				       option, nullptr};
		posix_spawn_file_actions_t actions;

		::posix_spawn_file_actions_init(&actions);
		::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_.c_str(),
						   O_WRONLY | O_CREAT | O_TRUNC, 0644);
		::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
		const int error = ::posix_spawn(&pid_, words[0], &actions, nullptr,
						const_cast<char **>(words), environ);

		::posix_spawn_file_actions_destroy(&actions);
		t_.require(!error, "{}: errno {}", words[0], error);
	}
	stress_process(const stress_process &) = delete;
	stress_process &operator=(const stress_process &) = delete;
	~stress_process()
	{
		if (!over())
			::kill(pid_, SIGKILL);
		::unlink(log_.c_str());
	}

	bool over()
	{
		if (!over_ && ::waitpid(pid_, &status_, WNOHANG) == pid_)
			over_ = true;
		return over_;
	}
	void must_pass()
	{
		t_.require(wait_until(t_.bound(std::chrono::seconds(stress_seconds + 60)), [this] { return over(); }),
			   "lookup_stress does not end");
		std::string said = read_file(log_).value_or("");

		std::replace(said.begin(), said.end(), '\n', ' ');
		t_.require(WIFEXITED(status_) && WEXITSTATUS(status_) == 0, "lookup_stress, status {:#x}: {}",
			   status_, said);
		if (const size_t at = said.find(" operations in "); at != said.npos) {
			const size_t from = said.rfind(' ', at - 1) + 1;

			t_.note("{}", said.substr(from, said.find(" unjudged", at) - from));
		}
	}

private:
	ktap::test_case &t_;
	std::string log_;
	pid_t pid_ = 0;
	int status_ = 0;
	bool over_ = false;
};

const char *option_for(const fs_scene &s)
{
	return s.keeps_open_names() ? "--no-open" : s.may_be_stale() ? "--may-be-stale" : nullptr;
}

void lookup_stress_finds_nothing_impossible(fs_rig &rig)
{
	rig.begin();
	stress_process(rig, option_for(rig.s)).must_pass();
}

void lookup_stress_of_files_finds_nothing_impossible(fs_rig &rig)
{
	rig.begin();
	stress_process(rig, "--files-only").must_pass();
}

/* What a name that comes and goes may be found to be. */
bool is_of_a_change(int error)
{
	return !error || error == ENOENT || error == ESTALE;
}

/* How the second client looks around. */
struct looks {
	bool opens;			/* files too */
	int error_of_a_list_of_a_file;
};

/* An error that no change explains, and where it was met; none if `error` is 0. */
struct surprise {
	int error = 0;
	std::string where;
};

/*
 * All directories below `top` and what is in them, to the first surprise.  A list of `top` may fail
 * with `if_a_file`: one of those below may have become one.
 */
surprise look_around(const std::string &top, const looks &how, int if_a_file = 0)
{
	const answer list = list_now(top);

	if (!is_of_a_change(list.error) && list.error != if_a_file)
		return {list.error, "a list of " + top};
	for (const std::string &name : list.listed) {
		if (name == "." || name == "..")
			continue;
		const std::string path = top + "/" + name;
		const answer got = stat_now(path);
		const surprise met = S_ISDIR(got.mode) ? look_around(path, how, how.error_of_a_list_of_a_file) :
				     how.opens ? surprise{open_now(path, O_RDONLY).error, "open() of " + path} :
					     surprise{};

		if (!is_of_a_change(got.error))
			return {got.error, "stat() of " + path};
		/* A file in place of a directory, and the reverse. */
		if (!is_of_a_change(met.error) && met.error != ENOTDIR && met.error != EISDIR)
			return met;
	}
	return {};
}

std::vector<std::string> sorted(std::vector<std::string> names)
{
	std::sort(names.begin(), names.end());
	return names;
}

/* What the threads beside a stress share with it, for as long as one of them runs. */
struct beside {
	std::atomic<bool> stop{false};
	surprise seen;
};

void lookup_stress_beside_another_client_and_the_server(fs_rig &rig)
{
	const auto shared = std::make_shared<beside>();

	rig.begin();
	const std::string second = rig.s.second_client();
	const looks how{!rig.s.keeps_open_names(), rig.s.error_of_a_list_of_a_file()};
	stress_process stress(rig, option_for(rig.s));
	actor &looker = rig.people.start([shared, second, how] {
		answer a;

		for (uint64_t n = 0; !shared->seen.error && !shared->stop.load(); a.ino = ++n)
			shared->seen = look_around(second, how);
		return a;
	});
	actor &changer = rig.people.start([shared, &s = rig.s] {
		const std::string from = s.at_server("changed"), to = s.at_server("renamed");
		answer a;

		for (uint64_t n = 0; !shared->stop.load(); a.ino = ++n) {
			const unique_fd fd(::open(from.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));

			if (!fd || ::rename(from.c_str(), to.c_str()) || ::unlink(to.c_str())) {
				a.error = errno;
				break;
			}
		}
		return a;
	});

	wait_until(rig.t.bound(std::chrono::seconds(stress_seconds + 60)), [&] { return stress.over(); });
	shared->stop.store(true);
	rig.people.must_be_through(looker, "the other client");
	rig.people.must_be_through(changer, "the server");
	stress.must_pass();
	const surprise &seen = shared->seen;

	rig.t.require(!seen.error, "the other client got errno {} from {}, after {} looks around", seen.error,
		      seen.where, looker.got().ino);
	rig.t.require(!changer.got().error && changer.got().ino, "the server: errno {} after {} changes",
		      changer.got().error, changer.got().ino);
	rig.t.note("{} looks around by the other client, {} changes by the server", looker.got().ino,
		   changer.got().ino);
	/* What is left, and one file that is new. */
	{
		const unique_fd last = open_or_throw(rig.s.at_server("last"), O_CREAT | O_WRONLY, 0644);
	}
	const auto there = sorted(list_now(rig.s.behind("")).listed);

	drop_caches();
	for (const std::string &client : {rig.s.dir(), second}) {
		rig.t.require(wait_until(rig.t.bound(crew::bound),
					 [&] { return sorted(list_now(client).listed) == there; }),
			      "{} lists {}, and there is {}", client,
			      fmt::join(sorted(list_now(client).listed), " "), fmt::join(there, " "));
		rig.t.require(stat_now(client + "/last").error == 0, "{} does not find the last file", client);
	}
}

} /* namespace */

uint64_t seed_of_stress = 1;

std::vector<claim> claims_under_stress()
{
	return {
		CLAIM(lookup_stress_finds_nothing_impossible, stresses),
		CLAIM(lookup_stress_of_files_finds_nothing_impossible, stresses_files),
		CLAIM(lookup_stress_beside_another_client_and_the_server, two_clients),
	};
}
