# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files: published atomically, opened by ending, shown with progress."""
