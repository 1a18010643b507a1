//! Memory is wiped before it is given back.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

/// The C library's malloc and free for this library alone, with every block wiped before it is freed or moved: what the HTTP and TLS
/// stacks copied of a secret stays in none. The host's own allocations are not touched, and a host or a memory checker that
/// replaces malloc sees the same calls as ever.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);
