// SPDX-License-Identifier: GPL-2.0
/*
 * See ktap_child.hpp.  Wrong would be: a case without a verdict, and a run that
 * waits for a thread that will never come back.
 */
#include "ktap_child.hpp"

#include "doctor.hpp"
#include "parked.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ktap {
namespace {

using clock = std::chrono::steady_clock;
using nlohmann::json;

/* How long a child that has given its verdict may take to go away, before --timeout-scale. */
constexpr milliseconds grace{5000}, grace_after_failure{1000};

milliseconds stretched(milliseconds plain, double scale)
{
	return std::chrono::duration_cast<milliseconds>(plain * scale);
}

std::atomic<pid_t> current_child{0};
std::atomic<bool> was_interrupted{false};

void on_interrupt(int sig)
{
	const pid_t child = current_child.load(std::memory_order_relaxed);

	was_interrupted.store(true, std::memory_order_relaxed);
	if (child > 0)
		::kill(child, sig);
}

void clear_progress(bool &shown)
{
	if (shown)
		fmt::print(stderr, "\r\033[K");
	shown = false;
}

/* Splits what came through the pipe into messages. */
class inbox {
public:
	explicit inbox(outcome &out) : out_(out) {}

	void take(const char *data, size_t len)
	{
		pending_.append(data, len);
		for (;;) {
			uint32_t size;

			if (pending_.size() < 1 + sizeof(size))
				return;
			std::memcpy(&size, pending_.data() + 1, sizeof(size));
			if (pending_.size() < 1 + sizeof(size) + size)
				return;
			dispatch(pending_[0], pending_.substr(1 + sizeof(size), size));
			pending_.erase(0, 1 + sizeof(size) + size);
		}
	}
	void finish() { clear_progress(progress_shown_); }

private:
	/* A line of the console of a guest is the kernel's as well. */
	static bool can_overwrite()
	{
		const char *term = std::getenv("TERM");

		return ::isatty(STDERR_FILENO) && !(term && std::string_view(term) == "dumb");
	}

	void dispatch(char kind, const std::string &text)
	{
		switch (kind) {
		case 'd':
			clear_progress(progress_shown_);
			diagnose(text);
			break;
		case 'p':
			if (!can_overwrite())
				break;
			fmt::print(stderr, "\r\033[K{}", text);
			progress_shown_ = true;
			break;
		case 'j':
			out_.data = json::parse(text, nullptr, false);
			break;
		default:
			/* The first verdict counts, except that a failure beats a pass. */
			if (out_.verdict && !(out_.verdict == 'P' && kind == 'F'))
				break;
			out_.verdict = kind;
			out_.reason = text;
		}
	}

	outcome &out_;
	std::string pending_;
	bool progress_shown_ = false;
};

struct piped_child {
	pid_t pid;
	unique_fd reader;		/* of what it writes */
};

/* Fork a child that calls `body` with the other end of the pipe, and exits with 0. */
template <typename Body>
piped_child fork_with_pipe(Body body)
{
	int ends[2];

	if (::pipe2(ends, O_CLOEXEC) < 0)
		throw errno_error("pipe2");
	unique_fd reader(ends[0]), writer(ends[1]);

	std::fflush(nullptr);
	const pid_t pid = ::fork();

	if (pid < 0)
		throw errno_error("fork");
	if (pid == 0) {
		/* An exception does not go on in the code of the parent. */
		[&]() noexcept { body(writer.get()); }();
		::_exit(0);
	}
	return {pid, std::move(reader)};
}

void be_the_child(const test &t, int pipe, double scale)
{
	const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);

	::prctl(PR_SET_PDEATHSIG, SIGKILL);
	std::signal(SIGINT, SIG_DFL);
	std::signal(SIGTERM, SIG_DFL);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		::dup2(null, fd);

	test_case self(pipe, scale);

	try {
		t.run(self);
		if (!self.verdict_sent())
			self.passed();
	} catch (const failed &) {
	} catch (const skipped &) {
	} catch (const std::exception &e) {
		self.failed_with(e.what());
	}
}

/* Every thread of the child and of its children, one line each. */
void describe_threads(pid_t child)
{
	for (const pid_t pid : with_children(child))
		for (const pid_t tid : threads_of(pid))
			diagnose(fmt::format("thread {} of process {}: {}", tid, pid,
					     to_string(look_at(pid, tid))));
}

/*
 * The report of lookup_doctor, if it is loaded.  To be asked before the child is killed:
 * a thread that can end takes its part of the story along.
 */
void ask_doctor(double scale)
{
	const auto deadline = clock::now() + stretched(doctor_time, scale);
	const piped_child child = fork_with_pipe([](int pipe) { write_doctor_report(pipe); });
	std::string report;
	char buf[4096];

	for (;;) {
		const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
		pollfd fd = {child.reader.get(), POLLIN, 0};
		const int n = left.count() > 0 ? ::poll(&fd, 1, static_cast<int>(left.count())) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		const ssize_t got = n > 0 ? ::read(fd.fd, buf, sizeof(buf)) : 0;

		if (got > 0)
			report.append(buf, static_cast<size_t>(got));
		else if (n <= 0)
			report += "doctor: no answer\n";
		if (got <= 0)
			break;
	}
	/* It has ended, or is past being waited for. */
	::kill(child.pid, SIGKILL);
	::waitpid(child.pid, nullptr, WNOHANG);
	if (!report.empty()) {
		report.pop_back();
		diagnose(report);
	}
}

/*
 * Read messages until the child has gone.  After its verdict it has a grace time
 * for that; without one it has the limit of the case.
 */
void attend(const test &t, pid_t child, int pidfd, int pipe, double scale, outcome &out)
{
	const auto limit = stretched(t.limit, scale);
	auto deadline = clock::now() + limit;
	bool verdict_seen = false, killed = false;
	inbox messages(out);
	char buf[65536];

	for (;;) {
		pollfd fds[2] = {{pipe, POLLIN, 0}, {pidfd, POLLIN, 0}};
		const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
		const int n = ::poll(fds, 2, static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX)));

		if (n < 0 && errno != EINTR)
			throw errno_error("poll");
		if (n > 0 && (fds[0].revents & POLLIN)) {
			const ssize_t got = ::read(pipe, buf, sizeof(buf));

			if (got > 0)
				messages.take(buf, static_cast<size_t>(got));
			if (out.verdict && !verdict_seen) {
				verdict_seen = true;
				deadline = clock::now() +
					   stretched(out.verdict == 'F' ? grace_after_failure : grace, scale);
			}
			continue;
		}
		if (n > 0 && (fds[1].revents & POLLIN)) {
			/* It may have said something, and ended, after poll() looked at the pipe. */
			pollfd rest = {pipe, POLLIN, 0};

			for (ssize_t got = 1; got > 0 && ::poll(&rest, 1, 0) > 0 && (rest.revents & POLLIN);) {
				got = ::read(pipe, buf, sizeof(buf));
				if (got > 0)
					messages.take(buf, static_cast<size_t>(got));
			}
			break;
		}
		if (clock::now() < deadline)
			continue;
		messages.finish();
		if (killed) {
			diagnose(fmt::format("process {} cannot be killed and is left behind", child));
			out.verdict = 'F';
			if (out.reason.empty())
				out.reason = "a thread sleeps for ever";
			return;
		}
		if (!out.verdict) {
			out.verdict = 'F';
			out.reason = fmt::format("timed out after {} ms", limit.count());
		} else if (out.verdict != 'F') {
			out.verdict = 'F';
			out.reason = "passed, but its process did not exit";
		}
		describe_threads(child);
		ask_doctor(scale);
		::kill(child, SIGKILL);
		killed = true;
		deadline = clock::now() + stretched(grace_after_failure, scale);
	}
	messages.finish();
}

} /* namespace */

void diagnose(std::string_view text)
{
	size_t from = 0;

	while (from <= text.size()) {
		const size_t end = std::min(text.find('\n', from), text.size());

		fmt::print("# {}\n", text.substr(from, end - from));
		from = end + 1;
	}
	std::fflush(stdout);
}

outcome run_one(const test &t, double scale)
{
	const auto start = clock::now();
	outcome out;
	const piped_child child = fork_with_pipe([&](int pipe) { be_the_child(t, pipe, scale); });

	current_child.store(child.pid, std::memory_order_relaxed);

	unique_fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));

	if (!pidfd)
		throw errno_error("pidfd_open");
	attend(t, child.pid, pidfd.get(), child.reader.get(), scale, out);
	current_child.store(0, std::memory_order_relaxed);

	int status = 0;

	if (::waitpid(child.pid, &status, WNOHANG) == child.pid && WIFSIGNALED(status) && !out.verdict) {
		out.verdict = 'F';
		out.reason = fmt::format("its process died of signal {}", WTERMSIG(status));
	} else if (!out.verdict) {
		out.verdict = 'F';
		out.reason = "its process ended without a verdict";
	}
	out.seconds = std::chrono::duration<double>(clock::now() - start).count();
	return out;
}

void catch_interrupts()
{
	struct sigaction action = {};

	action.sa_handler = on_interrupt;
	::sigaction(SIGINT, &action, nullptr);
	::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted()
{
	return was_interrupted.load(std::memory_order_relaxed);
}

void test_case::send(char kind, std::string_view text)
{
	const auto size = static_cast<uint32_t>(text.size());
	std::string message(1, kind);

	if (kind == 'P' || kind == 'F' || kind == 'S')
		verdict_sent_ = true;
	message.append(reinterpret_cast<const char *>(&size), sizeof(size));
	message.append(text);
	for (size_t done = 0; done < message.size();) {
		const ssize_t n = ::write(pipe_, message.data() + done, message.size() - done);

		if (n < 0 && errno != EINTR)
			::_exit(1);
		if (n > 0)
			done += static_cast<size_t>(n);
	}
}

void test_case::leave()
{
	::_exit(1);
}

} /* namespace ktap */
