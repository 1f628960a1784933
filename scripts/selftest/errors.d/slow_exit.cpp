// SPDX-License-Identifier: GPL-2.0
/*
 * A case that passes, and whose process takes another second to end.  The argument is that of
 * --timeout-scale.  Linked with what selftests/lib/ has become, by
 * scripts/selftest/errors.d/selftests.sh.
 */
#include "ktap.hpp"

#include <cstdlib>
#include <unistd.h>

int main(int, char **argv)
{
	ktap::run_options run;

	run.timeout_scale = std::atof(argv[1]);
	return ktap::run({{"late", [](ktap::test_case &t) { t.passed(); ::sleep(1); }, std::chrono::seconds(20)}}, run);
}
