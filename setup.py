# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings are in setup.cfg."""

import setuptools

setuptools.setup()
