// SPDX-License-Identifier: GPL-2.0

//! The login that this command was typed into, and the interface that it comes in through.

use super::Machine;
use std::net::IpAddr;

/// More ancestors than a shell has.
const ANCESTORS: usize = 64;

/// The other end of the login. sudo hands its variable to nobody: it is looked for in each ancestor.
pub fn client(machine: &Machine) -> Option<IpAddr> {
    let mut process = "self".to_owned();
    for _ in 0..ANCESTORS {
        let environment = machine.look(&format!("/proc/{process}/environ"));
        let found = environment
            .as_deref()
            .unwrap_or("")
            .split('\0')
            .find_map(|word| {
                let address = word.strip_prefix("SSH_CONNECTION=")?.split(' ').next()?;
                address.split('%').next()?.parse().ok()
            });
        if found.is_some() {
            return found;
        }
        let status = machine.look(&format!("/proc/{process}/status"))?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        process = parent.trim().to_owned();
    }
    None
}

/// The interface whose route reaches it.
pub fn interface(machine: &Machine, client: IpAddr) -> Option<String> {
    match client {
        IpAddr::V4(address) => by_route(machine, u32::from_ne_bytes(address.octets())),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => by_route(machine, u32::from_ne_bytes(address.octets())),
            None => by_route_6(machine, u128::from(address)),
        },
    }
}

/// By /proc/net/route, whose words are the address's bytes as this machine's integers have them.
fn by_route(machine: &Machine, address: u32) -> Option<String> {
    let text = machine.look("/proc/net/route")?;
    let routes = text.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(words.get(at)?, 16).ok();
        let (destination, mask) = (hex(1)?, hex(7)?);
        (address & mask == destination).then(|| (mask.count_ones(), words[0].to_owned()))
    });
    routes.max().map(|(_, name)| name)
}

/// By /proc/net/ipv6_route: destination, bits of its prefix, and at the end the interface.
fn by_route_6(machine: &Machine, address: u128) -> Option<String> {
    let text = machine.look("/proc/net/ipv6_route")?;
    let routes = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let destination = u128::from_str_radix(words.first()?, 16).ok()?;
        let bits = u32::from_str_radix(words.get(1)?, 16).ok()?;
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        let name = *words.last()?;
        (address & mask == destination && name != "lo").then(|| (bits, name.to_owned()))
    });
    routes.max().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_login_is_found_above_and_by_its_route() {
        let root = std::env::temp_dir().join(format!("memlab-login-{}", std::process::id()));
        for (name, text) in [
            ("proc/self/environ", "HOME=/root\0"),
            ("proc/self/status", "Name:\tmemlab\nPPid:\t41\n"),
            (
                "proc/41/environ",
                "A=b\0SSH_CONNECTION=fe80::1%eth1 5000 fe80::2 22\0",
            ),
            (
                "proc/net/route",
                "Iface Destination Gateway Flags RefCnt Use Metric Mask\n\
                 eth0 00000000 0202000A 0003 0 0 0 00000000\n\
                 eth1 0002000A 00000000 0001 0 0 0 00FFFFFF\n",
            ),
            (
                "proc/net/ipv6_route",
                "00000000000000000000000000000000 00 0 00 0 400 1 0 3 eth0\n\
                 fe800000000000000000000000000000 40 0 00 0 100 1 0 1 eth1\n\
                 00000000000000000000000000000000 00 0 00 0 400 1 0 3 lo\n",
            ),
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let machine = Machine::at(Some(&root));
        assert_eq!(client(&machine), "fe80::1".parse().ok());
        let through = |address: &str| interface(&machine, address.parse().unwrap());
        assert_eq!(through("fe80::1").as_deref(), Some("eth1"));
        assert_eq!(through("2001:db8::1").as_deref(), Some("eth0"));
        if cfg!(target_endian = "little") {
            assert_eq!(through("10.0.2.9").as_deref(), Some("eth1"));
            assert_eq!(through("::ffff:8.8.8.8").as_deref(), Some("eth0"));
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
