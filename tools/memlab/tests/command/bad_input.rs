// SPDX-License-Identifier: GPL-2.0

//! One line that says what to do, the exit code that is documented, and nothing half-written.

use crate::fixture::Machine;
use std::fs;

/// One line, of the command's own.
fn one_line(complaint: &str) -> &str {
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint.strip_prefix("memlab: ").unwrap().trim_end()
}

#[test]
fn an_unknown_experiment_has_a_nearest_name() {
    let machine = Machine::new("unknown");
    machine.file(
        "sys/kernel/debug/memlab/run",
        "refused EINVAL experiment=dma-singel: unknown, must be one of kmalloc\n",
    );
    let (code, complaint) = machine.refuses("run dma-singel size=4K");
    assert_eq!(code, 5);
    assert!(one_line(&complaint).contains("dma-single?"), "{complaint}");
    let (_, complaint) = machine.refuses("run qqq");
    assert!(
        !complaint.contains('?') && complaint.contains("show experiments"),
        "{complaint}"
    );
}

#[test]
fn a_range_and_a_device_are_the_modules_own_words() {
    let machine = Machine::new("range");
    let run = "sys/kernel/debug/memlab/run";
    machine.file(
        run,
        "refused ERANGE size=0: out of range, 1 to 4194304 bytes\n",
    );
    let (code, complaint) = machine.refuses("run kmalloc size=0");
    assert_eq!(
        (code, one_line(&complaint)),
        (5, "size=0: out of range, 1 to 4194304 bytes")
    );
    machine.file(run, "refused ENODEV device=x: not lent\n");
    assert_eq!(machine.refuses("run dma-single device=x").0, 6);
    assert_eq!(machine.refuses("doctor nowhere").0, 6);
    assert_eq!(machine.refuses("doctor ../../etc").0, 6);
}

#[test]
fn a_gate_that_does_not_hold_is_shown_and_fails() {
    let machine = Machine::new("gate");
    let done = machine.memlab("run dma-single --max-ns map:p50=1 --max-ns unmap:p99=999999");
    assert_eq!(done.status.code(), Some(1));
    let shown = String::from_utf8(done.stdout).unwrap();
    assert!(shown.contains("gate map:p50: 247 ns > 1 ns"), "{shown}");
    assert!(String::from_utf8(done.stderr)
        .unwrap()
        .contains("1 of 2 gates"));
    let (code, complaint) = machine.refuses("run dma-single --max-ns copy:p50=1");
    assert_eq!(code, 2);
    assert!(
        one_line(&complaint).contains("no phase copy, but map and unmap"),
        "{complaint}"
    );
    assert_eq!(machine.refuses("run dma-single --max-ns map=1").0, 2);
}

#[test]
fn a_recording_that_is_none_says_so() {
    let machine = Machine::new("foreign");
    machine.says("record a.json --rounds 3");
    let whole = fs::read(machine.root.join("a.json")).unwrap();
    fs::write(machine.root.join("cut.json"), &whole[..whole.len() / 2]).unwrap();
    machine.file("other.json", "{\"format\":\"else\",\"version\":1}");
    machine.file("noise.json", "hello");
    for (file, word) in [
        ("cut", "cut short"),
        ("other", "no recording"),
        ("noise", "no recording"),
        ("gone", "no such"),
    ] {
        let (code, complaint) = machine.refuses(&format!("diff a.json {file}.json"));
        assert_eq!(code, 7, "{complaint}");
        assert!(one_line(&complaint).contains(word), "{complaint}");
        assert_eq!(machine.refuses(&format!("plot {file}.json")).0, 7);
        assert!(!machine.root.join(format!("{file}.html")).exists());
    }
    let newer = String::from_utf8(whole)
        .unwrap()
        .replacen("\"version\":1", "\"version\":2", 1);
    machine.file("newer.json", &newer);
    assert_eq!(machine.refuses("plot newer.json").0, 8);
}

#[test]
fn two_worlds_are_not_compared() {
    let machine = Machine::new("worlds");
    machine.says("record a.json --rounds 3");
    machine.says("record one.json --rounds 1");
    let provenance = "sys/kernel/debug/memlab/provenance";
    let text = fs::read_to_string(machine.root.join(provenance)).unwrap();
    machine.file(
        provenance,
        &text.replace("QEMU TCG CPU version 2.5+", "EPYC 7543"),
    );
    machine.says("record b.json --rounds 3");
    let (code, complaint) = machine.refuses("diff a.json b.json");
    assert_eq!(code, 5);
    assert!(
        one_line(&complaint).contains("the CPU is QEMU TCG CPU version 2.5+"),
        "{complaint}"
    );
    assert!(machine
        .refuses("diff a.json one.json")
        .1
        .contains("--rounds 3"));
    assert!(machine
        .says("diff a.json a.json")
        .starts_with("nothing moved"));
}

#[test]
fn nothing_half_written_is_left_where_it_cannot_be_written() {
    let machine = Machine::new("full");
    let (code, complaint) = machine.refuses("record missing/a.json --rounds 1");
    assert_eq!(code, 7, "{complaint}");
    assert!(
        one_line(&complaint).contains("missing/a.json"),
        "{complaint}"
    );
    assert!(!machine.root.join("missing").exists());
}

#[test]
fn a_module_that_is_not_there_is_named() {
    let machine = Machine::new("absent");
    fs::remove_dir_all(machine.root.join("sys/kernel/debug/memlab")).unwrap();
    let (code, complaint) = machine.refuses("show zones");
    assert_eq!(code, 7, "{complaint}");
    machine.file(
        "sys/kernel/debug/memlab/compare",
        "# nothing yet: a write to compare runs\n",
    );
    assert_eq!(machine.refuses("advise --json").0, 8);
}

#[test]
fn what_is_in_use_is_not_lent() {
    let machine = Machine::new("in-use");
    machine.file("sys/bus/pci/drivers/memlab/bind", "");
    let why = |device: &str| {
        let (code, complaint) = machine.refuses(&format!("lend {device}"));
        assert_eq!(code, 5, "{complaint}");
        one_line(&complaint).to_owned()
    };
    assert!(why("0000:00:03.0").ends_with("/ is mounted from it; umount it first"));
    assert!(why("0000:00:04.0").contains("its IOMMU group has 0000:00:04.1 too"));
    assert!(
        !machine.root.join("run").exists(),
        "no journal of what was refused"
    );
}

#[test]
fn a_header_that_is_missing_is_named() {
    let machine = Machine::new("headers");
    let lost = "lib/modules/7.3.4+deb13-amd64/build/rust/libkernel.rmeta";
    fs::remove_file(machine.root.join(lost)).unwrap();
    let done = machine.memlab("doctor");
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8(done.stdout)
        .unwrap()
        .contains("lack rust/libkernel.rmeta"));
}

#[test]
fn what_does_not_come_back_or_is_gone_says_what_to_try() {
    let machine = Machine::new("return");
    let loan = |device: &str| {
        format!(
            "[{{\"device\":\"{device}\",\"asked\":null,\"bus\":\"pci\",\
             \"driver\":\"nvme\",\"chosen\":null}}]"
        )
    };
    machine.file("run/memlab-lent.json", &loan("0000:00:09.0"));
    let (code, complaint) = machine.refuses("return");
    assert_eq!(code, 6);
    assert!(one_line(&complaint).contains("it is gone"), "{complaint}");
    assert_eq!(machine.says("return"), "nothing is lent\n");
    // Bound to nobody, and a write to bind does nothing here.
    let device = "sys/devices/pci0000:00/0000:00:03.0";
    fs::remove_file(machine.root.join(device).join("driver")).unwrap();
    machine.file("run/memlab-lent.json", &loan("0000:00:03.0"));
    let (code, complaint) = machine.refuses("return");
    assert_eq!(code, 6);
    assert!(
        one_line(&complaint).contains("did not come back")
            && complaint.contains("try: echo 0000:00:03.0 > /sys/bus/pci/drivers_probe"),
        "{complaint}"
    );
    // The journal keeps it, for another try.
    assert_eq!(machine.refuses("return").0, 6);
    machine.file("run/memlab-lent.json", "[{");
    assert_eq!(machine.refuses("return").0, 7);
}

#[test]
fn a_percentile_that_a_comparison_has_not_is_named() {
    let machine = Machine::new("percentiles");
    let csv = machine.says("advise --csv --percentiles 99");
    assert!(csv.starts_with("experiment,size,direction,phase,min,p99,max,"));
    assert!(machine
        .says("advise --all --percentiles 50,99.9")
        .contains(" p99.9 "));
    let (code, complaint) = machine.refuses("advise --percentiles 95");
    assert_eq!(
        (code, one_line(&complaint)),
        (
            2,
            "percentiles=p95: unknown, must be one of p50, p90, p99, p99.9"
        )
    );
    assert_eq!(machine.refuses("run kmalloc --percentiles 101").0, 2);
}
