/* SPDX-License-Identifier: GPL-2.0 */
#ifdef MOCK
#define d_alloc_parallel mock_alloc_parallel
#endif
