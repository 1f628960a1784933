/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What user space does to the kernel while a torture module runs: "disturb" items of
 * the plan.  guest_init.cpp hands them over, guest_items.cpp says from when until when.
 */
#ifndef GUEST_DISTURB_HPP
#define GUEST_DISTURB_HPP

#include <string>

#include "guest_port.hpp"

/* disturb NAME FILE VALUE MILLISECONDS */
void add_disturbance(const Words &item);

/* Those of the item @name. */
void begin_disturbing(const std::string &name);

/* Returns what has gone wrong, or nothing; a disturbance that cannot be made is wrong. */
std::string end_disturbing();

#endif /* GUEST_DISTURB_HPP */
