// SPDX-License-Identifier: GPL-2.0

//! A watch over the DMA maps of one device or of all, by the kernel's tracepoints.

use super::{
    fault::{self, Fault},
    ledger::{events, Ledger},
    log::Log,
    trace::Instance,
    Machine,
};
use crate::error::{Error, Kind, Result};

/// The watch. It ends with its value.
pub struct Maps {
    instance: Instance,
    ledger: Ledger,
    from: u64,
    log: Option<Log>,
    faults: Vec<Fault>,
    /// Whose maps alone are looked at.
    device: Option<String>,
}

/// What was seen.
pub struct Seen {
    /// The accounts.
    pub ledger: Ledger,
    /// The first moment, in us.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// What an IOMMU refused meanwhile.
    pub faults: Vec<Fault>,
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
        // Who may not read the log is told of no fault.
        let log = Log::from_end(machine).ok();
        let from = now_us();
        for (event, _) in events() {
            instance.set(&format!("events/dma/{event}/enable"), "1")?;
        }
        Ok(Self {
            instance,
            ledger: Ledger::default(),
            from,
            log,
            faults: Vec::new(),
            device: device.map(str::to_owned),
        })
    }

    /// Enters what has come since the last time.
    pub fn take(&mut self) -> Result<bool> {
        let lines = self.instance.lines()?;
        lines.iter().for_each(|line| self.ledger.enter(line));
        // At once, while the map is there that it is about.
        let logged = self.log.as_mut().and_then(|log| log.lines().ok());
        let logged = logged.unwrap_or_default();
        fault::enter(&mut self.faults, &logged, &self.ledger, now_us());
        // Another's maps were not seen, so that nothing is known of its faults.
        if let Some(device) = &self.device {
            self.faults.retain(|fault| fault.device == *device);
        }
        Ok(!lines.is_empty())
    }

    /// Ends.
    pub fn end(mut self) -> Result<Seen> {
        self.instance.set("tracing_on", "0")?;
        let to = now_us();
        while self.take()? {}
        self.ledger.close();
        Ok(Seen {
            ledger: self.ledger,
            from: self.from,
            to,
            faults: self.faults,
        })
    }
}
