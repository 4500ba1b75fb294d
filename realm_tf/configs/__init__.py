# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configurations: plain dataclasses from which command line flags are made."""
