/* SPDX-License-Identifier: GPL-2.0 */
/* The control files of one gatefs mount, /sys/kernel/debug/gatefs/<minor>/. */
#pragma once

#include "unique_fd.hpp"

#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <sys/sysmacros.h>

struct gate_counters {
	uint64_t arrived = 0;		/* lookups that came to the gate */
	uint64_t held = 0;		/* that are there now */
	uint64_t passed = 0;		/* that left it as the gate let them */
	uint64_t expired = 0;		/* let through by hold_limit_ms */
	uint64_t killed = 0;		/* left because of a fatal signal */
	uint64_t violations = 0;	/* two ->lookup() at once for one name */
	uint64_t lookups_done = 0;
	uint64_t primed = 0;		/* dentries that readdir put into the dcache */
	uint64_t primed_found = 0;	/* that it met there */
};

class gate {
public:
	explicit gate(dev_t dev) : dir_(fmt::format("/sys/kernel/debug/gatefs/{}/", minor(dev))) {}

	void open() const { write("gate", "open"); }
	void close() const { write("gate", "closed"); }
	void step(unsigned n = 1) const { write("gate", fmt::format("step {}", n)); }
	std::string state() const { return first_line("gate"); }
	/* Hold lookups of this name only; empty: of every name. */
	void only(std::string_view name) const { write("only", fmt::format("{}\n", name)); }
	/* The names that readdir lists, one a line. */
	void names(std::string_view list) const { write("names", fmt::format("{}\n", list)); }

	/* 0 or the errno of a write to the gate. */
	int try_write(const std::string &text) const
	{
		const unique_fd fd = open_or_throw(dir_ + "gate", O_WRONLY);

		return ::write(fd.get(), text.data(), text.size()) < 0 ? errno : 0;
	}

	gate_counters counters() const
	{
		gate_counters c;
		const struct {
			std::string_view name;
			uint64_t &value;
		} fields[] = {
			{"arrived", c.arrived}, {"held", c.held}, {"passed", c.passed},
			{"expired", c.expired}, {"killed", c.killed},
			{"violations", c.violations}, {"lookups_done", c.lookups_done},
			{"primed", c.primed}, {"primed_found", c.primed_found},
		};
		const std::string text = read_or_throw("counters");

		for (const auto &f : fields)
			f.value = value_of(text, f.name);
		return c;
	}

private:
	/* A counter that is missing would read as 0 and let a test pass. */
	static uint64_t value_of(const std::string &text, std::string_view name)
	{
		const std::string line = "\n" + text;
		const size_t at = line.find(fmt::format("\n{} ", name));
		uint64_t value = 0;

		if (at == std::string::npos)
			throw std::runtime_error(fmt::format("no counter '{}'", name));
		const char *from = line.data() + at + name.size() + 2;
		if (std::from_chars(from, line.data() + line.size(), value).ec != std::errc())
			throw std::runtime_error(fmt::format("counter '{}' has no value", name));
		return value;
	}
	std::string read_or_throw(const char *file) const
	{
		auto text = read_file(dir_ + file);

		if (!text)
			throw errno_error(dir_ + file);
		return *text;
	}
	std::string first_line(const char *file) const
	{
		const std::string text = read_or_throw(file);

		return text.substr(0, text.find('\n'));
	}
	void write(const char *file, const std::string &text) const
	{
		const unique_fd fd = open_or_throw(dir_ + file, O_WRONLY | O_TRUNC);

		if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
			throw errno_error(fmt::format("{}{}: '{}'", dir_, file, text));
	}

	std::string dir_;
};
