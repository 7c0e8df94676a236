// SPDX-License-Identifier: GPL-2.0

//! The examples of the types of `sys::dma`, on a device, and what each of them promises.

#[kernel::macros::kunit_tests(memlab_dma)]
mod tests {
    use crate::{
        devices::lent,
        model::{
            request::Direction as Chosen,
            text::Text, //
        },
        sys::{
            access,
            dma::{
                buffer::{
                    Buffer,
                    Call,
                    Page,
                    Phys,
                    Reach,
                    Single, //
                },
                coherent::{
                    Attr,
                    Coherent,
                    Hidden, //
                },
                iova,
                noncoherent::NonCoherent,
                noncontiguous::NonContiguous,
                pool::Pool,
                sg::Scatter,
                Bidirectional,
                CpuMemory,
                DeviceMemory,
                Direction,
                FromDevice,
                Segment,
                ToDevice, //
            },
            memory::PAGE_SIZE, //
        },
    };
    use kernel::{
        device::{
            Bound,
            Device, //
        },
        prelude::*, //
    };

    /// Runs `test` with the module's own device.
    fn with_device(test: impl FnOnce(&Device<Bound>) -> Result<bool>) -> bool {
        let lease = lent::lease(Text::EMPTY);
        lease.is_ok_and(|lease| test(lease.device()) == Ok(true))
    }

    #[test]
    fn to_the_device_and_back() {
        assert!(with_device(|dev| {
            let mut buffer = Buffer::new(4096)?;
            buffer.bytes_mut().fill(0xa5);
            let mapped = buffer
                .map(dev, ToDevice)
                .map_err(|(_buffer, error)| error)?;
            let placed = mapped.dma() != u64::MAX;
            let buffer = mapped.unmap();
            Ok(placed && buffer.bytes().iter().all(|byte| *byte == 0xa5))
        }));
    }

    #[test]
    fn the_cpu_has_a_part_for_a_while() {
        assert!(with_device(|dev| {
            let mut mapped = (Buffer::new(4096)?.map(dev, FromDevice)).map_err(|(_, e)| e)?;
            let mut right = true;
            for part in [0..64, 64..4096, 0..4096] {
                let header = mapped.for_cpu(part.clone());
                right &= header.bytes().len() == part.len();
                right &= header.bytes().iter().all(|byte| *byte == 0);
                mapped = header.for_device();
            }
            Ok(right)
        }));
    }

    #[test]
    fn what_the_cpu_writes_in_its_part_stays() {
        assert!(with_device(|dev| {
            let mapped = (Buffer::new(300)?.map(dev, Bidirectional)).map_err(|(_, e)| e)?;
            let mut part = mapped.for_cpu(100..200);
            part.bytes_mut().fill(1);
            let buffer = part.for_device().unmap();
            let is = |(at, byte): (usize, &u8)| (*byte == 1) == (100..200).contains(&at);
            Ok(buffer.bytes().iter().enumerate().all(is))
        }));
    }

    #[test]
    fn a_part_ends_with_the_mapping() {
        assert!(with_device(|dev| {
            let mut mapped = (Buffer::new(64)?.map(dev, Chosen::ToDevice)).map_err(|(_, e)| e)?;
            let mut right = true;
            for (part, length) in [(32..4096, 32), (64..65, 0), (4096..8192, 0), (5..5, 0)] {
                let cut = mapped.for_cpu(part);
                right &= cut.bytes().len() == length;
                mapped = cut.for_device();
            }
            Ok(right)
        }));
    }

    /// Whether `C` maps the byte at `offset` in its page to where it is.
    fn maps<C: Call>(dev: &Device<Bound>, offset: usize) -> Result<bool> {
        let buffer = Buffer::within(100, offset, Reach::ANY)?;
        let mapped = buffer
            .map_by::<_, C>(dev, Bidirectional)
            .map_err(|(_, e)| e)?;
        let dma = mapped.dma();
        Ok(mapped.unmap().size() == 100 && dma % PAGE_SIZE as u64 == offset as u64)
    }

    #[test]
    fn page_and_physical_address_do_as_well() {
        for offset in [0, 1, 100, 4095] {
            assert!(with_device(|dev| maps::<Single>(dev, offset)));
            assert!(with_device(|dev| maps::<Page>(dev, offset)));
            assert!(with_device(|dev| maps::<Phys>(dev, offset)));
        }
    }

    #[test]
    fn what_is_no_buffer_is_refused() {
        assert_eq!(Buffer::new(0).err(), Some(EINVAL));
        assert_eq!(Buffer::within(1, PAGE_SIZE, Reach::ANY).err(), Some(EINVAL));
        assert_eq!(Buffer::new(usize::MAX).err(), Some(ENOMEM));
        assert_eq!(
            Buffer::within(usize::MAX, 1, Reach::ANY).err(),
            Some(EINVAL)
        );
        assert_eq!(Buffer::within(1, 0, Reach::Within(0)).err(), Some(ENOMEM));
        assert_eq!(Scatter::new(0, 1, 0, Reach::ANY).err(), Some(EINVAL));
        assert_eq!(Scatter::new(2, 1, 0, Reach::ANY).err(), Some(EINVAL));
        assert_eq!(Scatter::whole(0, 1, 0, Reach::ANY).err(), Some(EINVAL));
        assert_eq!(Scatter::whole(1, 0, 0, Reach::ANY).err(), Some(EINVAL));
    }

    #[test]
    fn no_direction_is_nobodys() {
        assert_eq!(Chosen::Bidirectional.number(), Bidirectional.number());
        assert_eq!(Chosen::ToDevice.number(), ToDevice.number());
        assert_eq!(Chosen::FromDevice.number(), FromDevice.number());
        assert_eq!(
            [
                Bidirectional.number(),
                ToDevice.number(),
                FromDevice.number()
            ],
            [0, 1, 2]
        );
    }

    #[test]
    fn pieces_go_out_as_one_list() {
        assert!(with_device(|dev| {
            let mut right = true;
            for (count, size) in [(1, 1), (3, 10), (1024, 1024), (16, 65536)] {
                let mut pieces = Scatter::new(count, size, 100, Reach::ANY)?;
                pieces.fill(0xa5);
                let mapped = pieces
                    .map(dev, ToDevice)
                    .map_err(|(_pieces, error)| error)?;
                right &= mapped.dma() % PAGE_SIZE as u64 == 100;
                let pieces = mapped.unmap();
                right &= pieces.pieces().count() == count && pieces.size() == size;
                let filled = |piece: &Buffer| piece.bytes().iter().all(|byte| *byte == 0xa5);
                right &= pieces.pieces().all(filled);
            }
            let pages = Scatter::whole(PAGE_SIZE, 2 * PAGE_SIZE + 1, 0, Reach::ANY)?;
            let last = pages.pieces().last().map(Buffer::size);
            Ok(right && pages.pieces().count() == 3 && last == Some(1))
        }));
    }

    #[test]
    fn coherent_memory_is_the_cpus_too() {
        assert!(with_device(|dev| {
            let mut right = true;
            for attr in [
                Attr::None,
                Attr::WriteCombine,
                Attr::Contiguous,
                Attr::SinglePages,
            ] {
                let mut memory = Coherent::with(dev, 3000, attr)?;
                let (mut from, mut to) = (Buffer::new(3000)?, Buffer::new(3000)?);
                from.bytes_mut().fill(0x5a);
                memory.copy_to(to.bytes_mut());
                right &= to.bytes().iter().all(|byte| *byte == 0);
                memory.copy_from(from.bytes());
                memory.copy_to(to.bytes_mut());
                right &= to.bytes() == from.bytes();
            }
            Ok(right && Hidden::new(dev, 3000)?.dma() != 0)
        }));
    }

    #[test]
    fn noncoherent_memory_changes_hands() {
        assert!(with_device(|dev| {
            let mut memory = NonCoherent::new(dev, 4096, ToDevice)?;
            memory.bytes_mut().fill(0xa5);
            let lent = memory.for_device();
            let dma = lent.dma();
            let mut memory = lent.for_cpu();
            let kept = memory.bytes_mut().iter().all(|byte| *byte == 0xa5);
            Ok(kept && memory.dma() == dma)
        }));
    }

    #[test]
    fn noncontiguous_memory_has_both_addresses() {
        assert!(with_device(|dev| {
            let memory = NonContiguous::new(dev, 5 * PAGE_SIZE, Bidirectional)?;
            Ok(memory.dma() != 0 && !memory.as_ptr().is_null())
        }));
    }

    #[test]
    fn blocks_of_a_pool_lie_apart() {
        assert!(with_device(|dev| {
            let pool = Pool::new(dev, 64)?;
            let (one, other) = (pool.alloc()?, pool.alloc()?);
            Ok(one.dma().abs_diff(other.dma()) >= 64 && Pool::new(dev, 0).is_err())
        }));
    }

    #[test]
    fn a_segment_goes_no_way_that_was_not_mapped() {
        assert!(with_device(|dev| {
            let ways = |segment: Segment<'_>| {
                let (to, from) = (segment.goes_to_device(), segment.comes_from_device());
                (to, from, segment.size())
            };
            let error = |(_, error): (Buffer, Error)| error;
            let to = Buffer::new(100)?.map(dev, ToDevice).map_err(error)?;
            let from = Buffer::new(200)?.map(dev, FromDevice).map_err(error)?;
            let both = Coherent::new(dev, 300)?;
            let list = Scatter::new(2, 1000, 0, Reach::ANY)?;
            let list = list.map(dev, FromDevice).map_err(|(_, error)| error)?;
            Ok(ways(to.segment()) == (true, false, 100)
                && ways(from.segment()) == (false, true, 200)
                && ways(both.segment()) == (true, true, 300)
                && list
                    .entries()
                    .all(|entry| ways(entry) == (false, true, 500)))
        }));
    }

    #[test]
    fn a_range_of_addresses_needs_an_iommu() {
        // No IOMMU translates for the module's own device; with one, dma.sh links.
        assert!(with_device(|dev| {
            let scatter = Scatter::whole(PAGE_SIZE, PAGE_SIZE, 0, Reach::ANY)?;
            let refused = scatter.link(dev, ToDevice).err().map(|(_, error)| error);
            Ok(!iova::available(dev, PAGE_SIZE) && refused == Some(ENOMEM))
        }));
    }

    #[test]
    fn every_byte_is_written_and_none_beside() {
        for offset in [0, 1, 3, 4093] {
            for size in [1, 2, 7, 8, 64, 99] {
                let buffer = Buffer::within(size, offset, Reach::ANY);
                assert!(buffer.is_ok());
                if let Ok(mut buffer) = buffer {
                    access::write(&mut buffer, 0x77);
                    access::read(&buffer);
                    assert!(buffer.bytes().iter().all(|byte| *byte == 0x77));
                }
            }
        }
    }
}
