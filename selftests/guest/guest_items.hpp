/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Items of the plan: guest_init.cpp sets the guest up and works through the plan,
 * guest_items.cpp runs one item of it, mostly in a child of guest_child.cpp.
 */
#ifndef GUEST_ITEMS_HPP
#define GUEST_ITEMS_HPP

#include <string>

#include "guest_port.hpp"

enum class Outcome { pass, fail, skip, hang };

struct Result {
	Outcome outcome;
	std::string why;	/* behind the result, if not empty */
};

/* Runs an item of the plan that is_test(), after open_kernel_log(). */
bool is_test(const Words &item);
Result run_item(const Words &item);

#endif /* GUEST_ITEMS_HPP */
