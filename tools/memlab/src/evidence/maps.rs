// SPDX-License-Identifier: GPL-2.0

//! A watch over the DMA maps of one device or of all, by the kernel's tracepoints.

use super::{
    ledger::{events, Ledger},
    trace::Instance,
    Machine,
};
use crate::error::{Error, Kind, Result};

/// The watch. It ends with its value.
pub struct Maps {
    instance: Instance,
    ledger: Ledger,
    from: u64,
}

/// What the trace's clock says, in us.
fn now_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000).unwrap_or(0)
}

impl Maps {
    /// Begins.
    pub fn begin(machine: &Machine, device: Option<&str>, stacks: bool) -> Result<Self> {
        let instance = Instance::new(machine)?;
        if !instance.has("events/dma/dma_map_phys") {
            return Err(Error::new(
                Kind::Refused,
                "this kernel has no tracepoints of DMA maps by physical address: they came with \
                 6.18",
            ));
        }
        instance.fit(machine)?;
        // The clock that this process can read, too.
        instance.set("trace_clock", "mono")?;
        for (event, makes) in events() {
            let folder = format!("events/dma/{event}");
            if let Some(device) = device {
                let filter = format!("device == \"{device}\"");
                instance.set(&format!("{folder}/filter"), &filter)?;
            }
            if makes && stacks {
                instance.set(&format!("{folder}/trigger"), "stacktrace")?;
            }
        }
        let from = now_us();
        for (event, _) in events() {
            instance.set(&format!("events/dma/{event}/enable"), "1")?;
        }
        Ok(Self {
            instance,
            ledger: Ledger::default(),
            from,
        })
    }

    /// Enters what has come since the last time.
    pub fn take(&mut self) -> Result<bool> {
        let lines = self.instance.lines()?;
        lines.iter().for_each(|line| self.ledger.enter(line));
        Ok(!lines.is_empty())
    }

    /// Ends, with the accounts, the first moment and the last, in us.
    pub fn end(mut self) -> Result<(Ledger, u64, u64)> {
        self.instance.set("tracing_on", "0")?;
        let to = now_us();
        while self.take()? {}
        self.ledger.close();
        Ok((self.ledger, self.from, to))
    }
}
