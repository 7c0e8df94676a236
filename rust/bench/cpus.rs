// SPDX-License-Identifier: GPL-2.0

//! Where the threads of a run work.

use crate::{
    model::request::{
        Refusal,
        Request, //
    },
    sys::task,
};
use kernel::prelude::*;

/// The CPU of each thread.
pub(super) fn of_threads(request: &Request) -> Result<KVec<u32>, Refusal> {
    let node = request.node().and_then(|node| u32::try_from(node).ok());
    let mut cpus = KVec::new();
    for n in 0..request.threads() {
        // CAST: The number of threads is limited to a few times the number of CPUs.
        let cpu = task::nth_cpu(n as u32, node).ok_or_else(|| {
            let node = node.unwrap_or(0);
            Refusal::invalid(format_args!("node={node}: has no CPU that is online"))
        })?;
        cpus.push(cpu, GFP_KERNEL)
            .map_err(|_| Refusal::no_memory(format_args!("no memory for the threads")))?;
    }
    Ok(cpus)
}
