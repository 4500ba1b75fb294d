# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures speed and memory of the parts, each in a process of its own."""
