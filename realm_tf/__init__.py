# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM: retrieval-augmented language model pre-training in TensorFlow 2."""

__version__ = '0.1.0'
