# SPDX-License-Identifier: GPL-2.0
"""What `make run`, `make shell`, `make host` and `make test` stand on."""
