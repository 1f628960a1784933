# SPDX-License-Identifier: GPL-2.0
"""Parts of scripts/steps/guest: machines, and how one of them is run."""
