/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often a function of the kernel is called, by a kprobe event: the proof that a race
 * came to where it was meant to.
 */
#pragma once

#include "unique_fd.hpp"

#include <optional>
#include <sstream>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

class pass_counter {
public:
	explicit pass_counter(const std::string &function) : event_("passes_" + function)
	{
		/* It may be mounted already. */
		::mount("tracefs", tracing, "tracefs", 0, nullptr);
		/* There may be one of a case that was killed. */
		remove();
		set_ = put("kprobe_events", "p:lookup/" + event_ + " " + function + "\n") &&
		       put("events/lookup/" + event_ + "/enable", "1");
	}
	pass_counter(const pass_counter &) = delete;
	pass_counter &operator=(const pass_counter &) = delete;
	~pass_counter() { remove(); }

	/* Nothing if the kernel cannot count them. */
	std::optional<uint64_t> passes() const
	{
		if (!set_)
			return std::nullopt;
		std::istringstream text(read_file(std::string(tracing) + "/kprobe_profile").value_or(""));
		std::string name;
		uint64_t hits, misses;

		while (text >> name >> hits >> misses)
			if (name == event_)
				return hits;
		return std::nullopt;
	}

private:
	static constexpr const char *tracing = "/sys/kernel/tracing";

	static bool put(const std::string &file, const std::string &text)
	{
		const unique_fd fd(::open((std::string(tracing) + "/" + file).c_str(),
					  O_WRONLY | O_APPEND | O_CLOEXEC));

		return fd && ::write(fd.get(), text.data(), text.size()) ==
			     static_cast<ssize_t>(text.size());
	}
	void remove() const
	{
		put("events/lookup/" + event_ + "/enable", "0");
		put("kprobe_events", "-:lookup/" + event_ + "\n");
	}

	const std::string event_;
	bool set_ = false;
};
