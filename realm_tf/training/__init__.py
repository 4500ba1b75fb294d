# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pre-training pipeline and the index refresh beside it."""
