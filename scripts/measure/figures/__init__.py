# SPDX-License-Identifier: GPL-2.0
"""Parts of what makes tables, pictures and pages of what was measured."""
