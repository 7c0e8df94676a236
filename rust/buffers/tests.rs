// SPDX-License-Identifier: GPL-2.0

//! What a device has of a buffer, on the module's own device.

#[kernel::macros::kunit_tests(memlab_tenant)]
mod tests {
    use crate::{
        devices::lent,
        model::{
            request::Direction,
            text::Text, //
        },
        sys::{
            dma::{
                coherent::Attr,
                frames::Frames, //
            },
            memory::PAGE_SIZE,
            tenant::Tenant, //
        },
    };
    use kernel::{
        prelude::*,
        sync::Arc, //
    };

    const DIRECTIONS: [Direction; 3] = [
        Direction::Bidirectional,
        Direction::ToDevice,
        Direction::FromDevice,
    ];

    fn map(frames: Frames, direction: Direction) -> Result<Tenant> {
        let lease = lent::lease(Text::EMPTY).map_err(|_| ENODEV)?;
        Tenant::map(lease, Arc::new(frames, GFP_KERNEL)?, direction)
    }

    /// Whether the device sees `size` bytes, each once.
    fn has(tenant: &Tenant, size: usize) -> bool {
        let (mut at, mut ranges) = (0, 0);
        while let Some(segment) = tenant.at(at) {
            // The last byte of a range is the end of it.
            let last = tenant.at(at + segment.size() - 1);
            if last.is_none_or(|last| last.size() != 1) {
                return false;
            }
            at += segment.size();
            ranges += 1;
        }
        at == size && ranges == tenant.ranges()
    }

    #[test]
    fn the_device_sees_every_byte_once() {
        for count in [1, 5, 64] {
            let size = count * PAGE_SIZE;
            let pages = Frames::pages(count, None).and_then(|frames| map(frames, DIRECTIONS[0]));
            assert!(pages.is_ok_and(|tenant| has(&tenant, size)));
            let area = Frames::vmalloc(count).and_then(|frames| map(frames, DIRECTIONS[1]));
            assert!(area.is_ok_and(|tenant| has(&tenant, size)));
            let lease = lent::lease(Text::EMPTY);
            assert!(lease.is_ok());
            let coherent = lease.map(|lease| Tenant::coherent(lease, size, Attr::None));
            assert!(matches!(coherent, Ok(Ok(tenant)) if has(&tenant, size)));
        }
    }

    #[test]
    fn a_way_that_is_not_mapped_is_not_synced() {
        for direction in DIRECTIONS {
            let tenant = Frames::pages(3, None).and_then(|frames| map(frames, direction));
            assert!(tenant.is_ok());
            let Ok(tenant) = tenant else { return };
            for way in DIRECTIONS {
                let allowed = direction == DIRECTIONS[0] || direction == way;
                for for_cpu in [true, false] {
                    assert_eq!(tenant.sync(for_cpu, way).is_ok(), allowed);
                }
            }
        }
    }

    #[test]
    fn pages_lie_where_they_are_asked_for() {
        let low = Frames::pages(4, Some(u64::from(u32::MAX)));
        assert!(low.is_ok_and(|frames| frames.within(Some(u64::from(u32::MAX)))));
        let none = Frames::pages(1, Some(0));
        assert!(none.is_err());
        assert!(Frames::vmalloc(1).is_ok_and(|frames| !frames.within(Some(0))));
    }
}
