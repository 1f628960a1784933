// SPDX-License-Identifier: GPL-2.0
/*
 * The output of PID 1 of the guest, and the end of the machine.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "guest_port.hpp"

namespace fs = std::filesystem;

namespace {

int results = -1;	/* the virtio port */

void write_all(int fd, std::string_view text)
{
	while (!text.empty()) {
		const ssize_t n = write(fd, text.data(), text.size());

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			text.remove_prefix(n);
	}
}

} // namespace

[[noreturn]] void restart()
{
	sync();
	reboot(RB_AUTOBOOT);
	_exit(1);	/* panics, which also ends QEMU */
}

void report(std::string_view line)
{
	write_all(results, fmt::format("{}\n", line));
}

void nested(std::string_view line)
{
	report(fmt::format("  {}", line));
}

void console(std::string_view line)
{
	write_all(STDERR_FILENO, fmt::format("guest_init: {}\n", line));
}

void die(std::string_view what)
{
	const std::string why = fmt::format("{}: {}", what, strerror(errno));

	console(why);
	if (results >= 0)
		report("Bail out! " + why);
	restart();
}

bool put(const char *path, std::string_view text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool ok = fd >= 0 && write(fd, text.data(), text.size()) >= 0;
	const int err = errno;

	if (!ok)
		console(fmt::format("{}: {}", path, strerror(err)));
	if (fd >= 0)
		close(fd);
	errno = err;
	return ok;
}

/* A driver that has just been loaded makes its ports in the background. */
int open_port(std::string_view wanted)
{
	for (int tries = 0; tries < 1000; tries++) {
		for (const auto &port : fs::directory_iterator("/sys/class/virtio-ports")) {
			std::ifstream name(port.path() / "name");
			std::string text;

			if (std::getline(name, text) && text == wanted)
				return open(("/dev" / port.path().filename()).c_str(),
					    O_WRONLY | O_CLOEXEC);
		}
		poll(nullptr, 0, 10);
	}
	errno = ENODEV;
	return -1;
}

/* User-mode Linux has a serial line for it. */
void open_results()
{
	const char *line = getenv("results");
	termios modes;

	results = line ? open(line, O_WRONLY | O_NOCTTY | O_CLOEXEC) : open_port("results");
	if (results < 0)
		die("open the results port");
	if (line && !tcgetattr(results, &modes)) {
		cfmakeraw(&modes);
		tcsetattr(results, TCSANOW, &modes);
	}
}

/* Returns 0 or an errno. */
int load_module(const std::filesystem::path &file, const Words &params)
{
	std::string joined;

	for (const auto &param : params)
		joined += param + " ";
	const int fd = open((std::filesystem::path("/modules") / file).c_str(), O_RDONLY | O_CLOEXEC);
	const bool ok = fd >= 0 && !syscall(SYS_finit_module, fd, joined.c_str(), 0);
	const int err = ok ? 0 : errno;

	if (err)
		console(fmt::format("insmod {}: {}", file.native(), strerror(err)));
	if (fd >= 0)
		close(fd);
	return err;
}
