# SPDX-License-Identifier: GPL-2.0
"""Parts that several programs of scripts/ share."""
