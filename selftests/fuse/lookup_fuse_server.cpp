// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts fuse_mirror and serves it in the background: for tests that work in a
 * given directory, of which lookup_stress is one.  The program returns when the
 * filesystem can be used; what goes on ends with the mount.  If it dies before,
 * all that is done in the filesystem fails with ENOTCONN.
 */
#include "fuse_mirror.hpp"
#include "options.hpp"

#include <cstdio>
#include <sys/resource.h>
#include <thread>

namespace {

/* The mirror holds a file descriptor for each file that is in use. */
void allow_many_files()
{
	rlimit limit;

	if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		::setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Standard error stays, for last words. */
void detach()
{
	const unique_fd null = open_or_throw("/dev/null", O_RDWR);

	::setsid();
	if (::chdir("/") < 0 || ::dup2(null.get(), 0) < 0 || ::dup2(null.get(), 1) < 0)
		throw errno_error("detach");
}

/* Says so through the pipe when the filesystem can be used. */
int serve(const std::string &source, const std::string &target, const std::string &control,
	  unsigned threads, unique_fd ready)
{
	try {
		allow_many_files();
		::umask(0);	/* that of the caller has been applied */
		fuse_mirror mirror(source, target, control);

		detach();
		if (::write(ready.get(), "", 1) != 1)
			throw errno_error("pipe");
		ready.reset();
		mirror.serve(threads);
		/* The mount is gone, and what is there now is not for us to unmount. */
		::_exit(0);
	} catch (const std::exception &e) {
		fmt::print(stderr, "lookup_fuse_server: {}\n", e.what());
	}
	return 1;
}

int run(const std::string &source, const std::string &target, const std::string &control,
	unsigned threads)
{
	int ends[2];
	char byte;

	if (::pipe2(ends, O_CLOEXEC) < 0)
		throw errno_error("pipe2");
	const unique_fd reader(ends[0]);
	unique_fd writer(ends[1]);
	const pid_t child = ::fork();

	if (child < 0)
		throw errno_error("fork");
	if (child == 0)
		return serve(source, target, control, threads, std::move(writer));
	writer.reset();
	return ::read(reader.get(), &byte, 1) == 1 ? 0 : 1;
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_fuse_server",
		  "Shows directory SOURCE at TARGET by FUSE, for tests of lookups.  Returns when\n"
		  "TARGET can be used; serves in the background until it is unmounted.  Example:\n"
		  "  lookup_fuse_server /tmp/source /mnt && lookup_stress --dir /mnt; umount /mnt");
	std::string source, target, control;
	uint64_t threads = std::max<uint64_t>(4, 2 * std::thread::hardware_concurrency());

	o.add("source", source, "directory to show; only change it through TARGET");
	o.add("target", target, "directory to mount at");
	o.add("--control", control, "socket by which a test has requests kept back: fuse_holds.hpp");
	o.add("--threads", threads, 1, 256, "that serve; default: two for each CPU, at least 4");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (target.empty()) {
		fmt::print(stderr, "lookup_fuse_server: SOURCE and TARGET are needed; see --help\n");
		return 2;
	}
	try {
		return run(source, target, control, static_cast<unsigned>(threads));
	} catch (const std::exception &e) {
		fmt::print(stderr, "lookup_fuse_server: {}\n", e.what());
		return 1;
	}
}
