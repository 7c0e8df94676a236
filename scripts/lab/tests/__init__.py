# SPDX-License-Identifier: GPL-2.0
"""Tests of the lab itself, on the host: `make test GUESTS=host` runs them."""
