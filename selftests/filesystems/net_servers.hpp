/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knfsd, samba and ksmbd on the loopback device of the guest, from the root of server_root.hpp.
 * Each is asked whether it answers before it is used; the case fails with the end of its log
 * if it does not.
 */
#pragma once

#include "server_root.hpp"

inline constexpr uint16_t smb_port = 445, ksmbd_port = 4455;

/* Lines of exports(5); those of the first call of a guest count. */
void start_knfsd(ktap::test_case &t, const std::string &exports);

/* Sections of smb.conf(5), a share each, for the user root; those of the first call count. */
void start_samba(ktap::test_case &t, const std::string &shares);

/* The same for ksmbd.conf(5). */
void start_ksmbd(ktap::test_case &t, const std::string &shares);

/* Of that user, made up by each guest. */
std::string fresh_password();
