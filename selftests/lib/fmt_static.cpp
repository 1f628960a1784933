// SPDX-License-Identifier: GPL-2.0
/*
 * Debian ships libfmt as a shared library only, and the guest has none.  This is
 * the one place that compiles its inline implementation; everybody else declares.
 */
#include <fmt/format-inl.h>

template void fmt::detail::buffer<char>::append(const char *, const char *);
template void fmt::detail::vformat_to(fmt::detail::buffer<char> &, fmt::string_view,
				      fmt::basic_format_args<fmt::buffer_context<char>>,
				      fmt::detail::locale_ref);
template char fmt::detail::decimal_point_impl(fmt::detail::locale_ref);
template fmt::detail::thousands_sep_result<char>
fmt::detail::thousands_sep_impl(fmt::detail::locale_ref);
