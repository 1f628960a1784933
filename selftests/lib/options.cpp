// SPDX-License-Identifier: GPL-2.0
/* The one place that includes CLI11. */
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <random>

struct options::impl {
	CLI::App app;
};

options::options(const std::string &program, const std::string &description)
	: impl_(std::make_unique<impl>()), program_(program)
{
	impl_->app.name(program);
	impl_->app.description(description);
	impl_->app.get_formatter()->column_width(34);
}

options::~options() = default;

void options::add(const std::string &flags, std::string &value, const std::string &help)
{
	impl_->app.add_option(flags, value, help);
}

void options::add(const std::string &flags, std::vector<std::string> &value,
		  const std::string &help)
{
	impl_->app.add_option(flags, value, help)->allow_extra_args(false);
}

void options::add(const std::string &flags, double &value, double least, double most,
		  const std::string &help)
{
	auto check = [least, most](const std::string &text) -> std::string {
		double d;

		if (!CLI::detail::lexical_cast(text, d) || !std::isfinite(d) ||
		    d < least || d > most)
			return fmt::format("{} is not a number from {} to {}", text, least, most);
		return {};
	};

	impl_->app.add_option(flags, value, help)->check(check, "")->capture_default_str();
}

/* CLI11 has its own mind: for it 010 is 8, and what is too large the largest. */
static std::optional<uint64_t> whole_number(const std::string &text)
{
	uint64_t n = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);

	if (error != std::errc() || end != text.data() + text.size())
		return {};
	return n;
}

void options::add(const std::string &flags, uint64_t &value, uint64_t least, uint64_t most,
		  const std::string &help)
{
	auto check = [least, most](const std::string &text) -> std::string {
		const auto n = whole_number(text);

		if (!n || *n < least || *n > most)
			return fmt::format("{} is not a whole number from {} to {}", text, least, most);
		return {};
	};
	auto take = [&value](const std::string &text) { value = whole_number(text).value_or(0); };

	impl_->app.add_option_function<std::string>(flags, take, help)->check(check, "")->type_name("UINT");
}

void options::add_flag(const std::string &flags, bool &value, const std::string &help)
{
	impl_->app.add_flag(flags, value, help);
}

void options::add_words(const std::string &flags, std::vector<std::string> &value,
			const std::vector<std::string> &words, const std::string &help)
{
	impl_->app.add_option(flags, value, help)->delimiter(',')->check(CLI::IsMember(words));
}

void options::add_run_options(ktap::run_options &run)
{
	run.program = program_;
	add("--filter", run.filter, "run the cases whose name matches this glob");
	add("--skip", run.skip, 0, UINT64_MAX, "leave out the first N of those, which an earlier run has had; default 0");
	add_flag("--list", run.list, "print the names of the cases and exit");
	add("--timeout-scale", run.timeout_scale, 0.01, 1000.0,
	    "multiply every limit of time by this; the work stays the same");
	add("--json", run.json_path, "write the results to this file as well");
}

std::optional<int> options::parse(int argc, char **argv)
{
	try {
		impl_->app.parse(argc, argv);
	} catch (const CLI::Success &e) {
		impl_->app.exit(e);
		return 0;
	} catch (const CLI::ParseError &e) {
		fmt::print(stderr, "{}: {}\n{}", program_, e.what(), impl_->app.help());
		return 2;
	}
	return {};
}

int run_registered(int argc, char **argv, const std::string &program,
		   const std::string &description)
{
	options o(program, description);
	ktap::run_options run;
	uint64_t seed = 0;

	o.add_run_options(run);
	o.add("--seed", seed, 0, UINT64_MAX, "taken by all tests; nothing is random in this one");
	if (const auto status = o.parse(argc, argv))
		return *status;
	return ktap::run(ktap::registered(), run);
}

uint64_t fresh_seed()
{
	std::random_device rd;

	return (static_cast<uint64_t>(rd()) << 32 | rd()) & 0x7fffffffffffffff;
}
