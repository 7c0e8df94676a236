// SPDX-License-Identifier: GPL-2.0

//! debugfs files with an owner, rendered once per open.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)
//!
//! The kernel crate's debugfs files set no `owner`, so that a module can go while one of its files
//! is open, and seq_file renders again whenever its buffer grows. These pin the module and render
//! in `open`.

use super::{
    file::{
        File,
        Line,
        Text, //
    },
    task, //
};
use core::marker::PhantomPinned;
use kernel::{
    bindings,
    ffi::{
        c_char,
        c_int,
        c_void, //
    },
    fs::file::flags,
    prelude::*,
    sync::Arc,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

/// So many bytes of a write are looked at: more than any line may have.
const WRITE_MAX: usize = 1024;

/// What the inode of a file points to.
struct Node<T: 'static> {
    file: &'static File<T>,
    data: Arc<T>,
}

/// What an open file points to.
struct Open<T: 'static> {
    node: *const Node<T>,
    text: Text,
}

/// A directory at debugfs' root with its files, removed on drop. It is pinned, so that it cannot be
/// forgotten where what it is a part of is dropped: its files would be opened when the module has gone.
///
/// # Invariants
///
/// `dir` is the directory, and its inodes point into `nodes`.
#[pin_data(PinnedDrop)]
pub(crate) struct Dir<T: Send + Sync + 'static> {
    dir: *mut bindings::dentry,
    _nodes: KVec<KBox<Node<T>>>,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: The directory may be removed from any thread, and `T` may be dropped there.
unsafe impl<T: Send + Sync> Send for Dir<T> {}
// SAFETY: `&Dir` gives access to nothing.
unsafe impl<T: Send + Sync> Sync for Dir<T> {}

/// What files point to, before there are any.
pub(crate) struct Nodes<T: Send + Sync + 'static>(KVec<KBox<Node<T>>>);

impl<T: Send + Sync + 'static> Nodes<T> {
    /// Allocates what `files` need. Where a module's init fails after one of its files was opened,
    /// what the file is closed with is gone: what can fail is done before.
    pub(crate) fn new(data: &Arc<T>, files: &'static [File<T>]) -> Result<Self> {
        let mut nodes = KVec::with_capacity(files.len(), GFP_KERNEL)?;
        for file in files {
            let node = KBox::new(
                Node {
                    file,
                    data: data.clone(),
                },
                GFP_KERNEL,
            )?;
            nodes.push(node, GFP_KERNEL)?;
        }
        Ok(Self(nodes))
    }

    /// Makes the directory with the files. A kernel that refuses (lockdown, a name taken) has no
    /// directory then: like every user of debugfs this one goes on without.
    pub(crate) fn publish(self, name: &'static CStr) -> impl PinInit<Dir<T>> {
        let Self(nodes) = self;
        // INVARIANT: The nodes stay where they are, whatever holds the boxes.
        pin_init!(Dir {
            dir: made(name, &nodes),
            _nodes: nodes,
            _pinned: PhantomPinned,
        })
    }
}

/// A directory called `name` with a file for each of `nodes`, which are to outlive it.
fn made<T: Send + Sync + 'static>(name: &CStr, nodes: &[KBox<Node<T>>]) -> *mut bindings::dentry {
    // SAFETY: The name is NUL-terminated; a null parent is debugfs' root.
    let dir = unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), core::ptr::null_mut()) };
    for node in nodes {
        // Lockdown lets no file be opened that more than reading is allowed for.
        let mode = if node.file.guarded() { 0o600 } else { 0o400 };
        let data: *const Node<T> = &**node;
        // SAFETY: `dir` is what `debugfs_create_dir` gave, which may be an error pointer; the node and
        // the operations outlive the file, as the caller sees to.
        unsafe {
            bindings::debugfs_create_file_full(
                node.file.name.as_char_ptr(),
                mode,
                dir,
                data.cast_mut().cast(),
                core::ptr::null(),
                &Operations::<T>::TABLE,
            )
        };
    }
    dir
}

#[pinned_drop]
impl<T: Send + Sync + 'static> PinnedDrop for Dir<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant. Removing waits for operations that are under way; no file
        // is open, because an open file pins the module.
        unsafe { bindings::debugfs_remove(self.dir) };
    }
}

struct Operations<T>(core::marker::PhantomData<T>);

impl<T: Send + Sync + 'static> Operations<T> {
    const TABLE: bindings::file_operations = bindings::file_operations {
        owner: super::THIS_MODULE,
        open: Some(Self::open),
        read: Some(Self::read),
        write: Some(Self::write),
        llseek: Some(bindings::default_llseek),
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `inode` and `file` are those of a file of a [`Dir<T>`] that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The inode's data was set by `Nodes::publish`, and the node outlives the inode.
        let node_ptr = unsafe { (*inode).i_private }.cast::<Node<T>>();
        // SAFETY: `Dir` keeps the node until the files are gone, which an open file prevents; nodes are
        // only ever shared.
        let node = unsafe { &*node_ptr };
        if node.file.guarded() && !task::may_administer() {
            return EPERM.to_errno();
        }
        // SAFETY: The file is valid while it is being opened.
        let readable = unsafe { (*file).f_flags } & flags::O_ACCMODE != flags::O_WRONLY;
        let opened = || -> Result<KBox<Open<T>>> {
            let mut text = Text::EMPTY;
            if readable {
                (node.file.show)(&node.data, &mut text)?;
            }
            Ok(KBox::new(
                Open {
                    node: node_ptr,
                    text,
                },
                GFP_KERNEL,
            )?)
        }();
        match opened {
            Ok(open) => {
                // SAFETY: The open call of a file owns the private data.
                unsafe { (*file).private_data = KBox::into_raw(open).cast() };
                0
            }
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `file` was opened by [`Self::open`]; `buf` is user memory of `count` bytes.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        buf: *mut c_char,
        count: usize,
        ppos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: `open` left an `Open<T>`, which lives until `release`.
        let open = unsafe { &*(*file).private_data.cast::<Open<T>>() };
        // SAFETY: The text is not changed after `open`; user memory is checked by the function.
        unsafe {
            bindings::simple_read_from_buffer(
                buf.cast::<c_void>(),
                count,
                ppos,
                open.text.bytes().as_ptr().cast(),
                open.text.bytes().len(),
            )
        }
    }

    /// # Safety
    ///
    /// `file` was opened by [`Self::open`]; `buf` is user memory of `count` bytes.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buf: *const c_char,
        count: usize,
        _ppos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: `open` left an `Open<T>`, whose node lives as long as the file.
        let node = unsafe { &*(*(*file).private_data.cast::<Open<T>>()).node };
        let Some(store) = node.file.store else {
            return EINVAL.to_errno() as isize;
        };
        // Nothing is asked for by writing nothing: an empty line is one byte long.
        if count == 0 {
            return 0;
        }
        let written = || -> Result {
            let from = UserPtr::from_ptr(buf.cast_mut().cast());
            let mut head = KVec::new();
            UserSlice::new(from, count.min(WRITE_MAX)).read_all(&mut head, GFP_KERNEL)?;
            let line = Line {
                head,
                length: count,
            };
            store(&node.data, &line)
        }();
        match written {
            // CAST: The kernel limits a write to `isize::MAX`.
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// `file` was opened by [`Self::open`] and is not used again.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` left the box, and this is called once.
        drop(unsafe { KBox::<Open<T>>::from_raw((*file).private_data.cast()) });
        0
    }
}
