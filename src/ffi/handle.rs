//! Pointers that cross the ABI, typed by who owns them.
//!
//! | C                | here                 | meaning                                                            |
//! |------------------|----------------------|--------------------------------------------------------------------|
//! | `const T *`      | [`Borrowed`]         | the caller's, read for the length of the call, shared with threads |
//! | `T *`            | [`Exclusive`]        | the caller's, changed during the call, by one thread               |
//! | `T *` to a free  | [`Owned`]            | taken over; also what a function gives away                        |
//! | `T *out`         | [`Out`]              | the caller's memory, written and never read                        |
//!
//! A handle lives in an [`InBox`] (one owner) or an [`InArc`] (calls in flight keep it alive). What does not fit together,
//! such as changing a shared handle, does not compile. NULL becomes `Option` or an error and cannot be forgotten.
//!
//! Each handle begins with a mark of its type, which is cleared when it is freed. A handle that was freed, or is of another
//! type, is so refused where that can be seen at all: memory that was handed out anew since may look like anything.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::{Error, Result};

/// Takes C arguments over. This is where a function relies on its caller.
macro_rules! from_c {
    ($($name:ident: $wrapper:ty),+ $(,)?) => {
        $(
            // SAFETY: the caller of the exported function keeps to the header: each pointer is NULL or what it says there.
            let $name = unsafe { <$wrapper>::from_c($name) };
        )+
    };
}

/// An opaque type of the header and what is behind it.
pub(super) trait Handle: Sized {
    /// What a pointer to the type points at, behind the mark. A host may read it on any thread and free it on another.
    type Body: Send + Sync;
    /// Where it lives.
    type Place: Place<Self::Body>;
    /// The name in C.
    const NAME: &'static str;
    /// The mark of the type.
    const MARK: u64;
}

/// The memory behind a handle.
#[repr(C)]
pub(super) struct Cell<B> {
    mark: AtomicU64,
    body: B,
}

/// How the memory of a handle is owned.
pub(super) trait Place<B> {
    type Owner;
    fn give(cell: Cell<B>) -> *mut Cell<B>;
    /// # Safety
    /// `cell` came from `give` and was not taken since.
    unsafe fn take(cell: *mut Cell<B>) -> Self::Owner;
}

/// One owner.
pub(super) struct InBox;

impl<B> Place<B> for InBox {
    type Owner = B;

    fn give(cell: Cell<B>) -> *mut Cell<B> {
        Box::into_raw(Box::new(cell))
    }

    unsafe fn take(cell: *mut Cell<B>) -> B {
        // SAFETY: the caller's promise.
        unsafe { Box::from_raw(cell) }.body
    }
}

/// Shared with calls in flight.
pub(super) struct InArc;

impl<B> Place<B> for InArc {
    type Owner = Arc<Cell<B>>;

    fn give(cell: Cell<B>) -> *mut Cell<B> {
        Arc::into_raw(Arc::new(cell)).cast_mut()
    }

    unsafe fn take(cell: *mut Cell<B>) -> Arc<Cell<B>> {
        // SAFETY: the caller's promise.
        unsafe { Arc::from_raw(cell) }
    }
}

impl<B> Cell<B> {
    /// What is behind the mark.
    pub(super) fn body(&self) -> &B {
        &self.body
    }
}

/// The mark of a handle that is lent to a callback.
const fn lent(mark: u64) -> u64 {
    !mark
}

/// The mark of a handle that is lent to a callback, and was freed by the host before or meanwhile.
const fn lent_and_freed(mark: u64) -> u64 {
    !mark ^ 1
}

/// The handle's memory, if the pointer can be one.
fn checked<H: Handle>(pointer: *const H) -> Option<*mut Cell<H::Body>> {
    let cell = pointer.cast::<Cell<H::Body>>().cast_mut();
    if cell.is_null() || !cell.is_aligned() {
        return None;
    }
    // SAFETY: a wrapper holds what a caller passed as this handle; its mark is read only when it is aligned and not NULL.
    let mark = unsafe { &(*cell).mark }.load(Ordering::Acquire);
    let live = [H::MARK, lent(H::MARK), lent_and_freed(H::MARK)].contains(&mark);
    live.then_some(cell)
}

/// Lends a handle to a callback under the pointer by which the host knows it: valid for the time of the callback, even where the host
/// has freed it before or does so meanwhile. To free it once more does nothing.
pub(super) fn lend<H: Handle<Place = InArc>>(handle: &Arc<Cell<H::Body>>, callback: impl FnOnce(*mut H)) {
    let mark = &handle.mark;
    let change = |from, to| mark.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok();
    if !change(H::MARK, lent(H::MARK)) {
        change(0, lent_and_freed(H::MARK));
    }
    callback(Arc::as_ptr(handle).cast_mut().cast());
    if !change(lent(H::MARK), H::MARK) {
        change(lent_and_freed(H::MARK), 0);
    }
}

fn refused<H: Handle>(pointer: *const H, name: &str) -> Error {
    if pointer.is_null() {
        Error::invalid_argument(format!("{name} is NULL"))
    } else {
        Error::invalid_argument(format!(
            "{name} is no live {} (freed already, or a handle of another type)",
            H::NAME
        ))
    }
}

/// `const T *`: a handle that stays the caller's.
pub(super) struct Borrowed<'a, H>(*const H, PhantomData<&'a H>);

impl<'a, H: Handle> Borrowed<'a, H> {
    /// # Safety
    /// `pointer` is NULL, or a handle of this type that outlives `'a`.
    pub(super) unsafe fn from_c(pointer: *const H) -> Self {
        Borrowed(pointer, PhantomData)
    }

    /// The body; `None` for NULL and for what is no live handle.
    pub(super) fn peek(&self) -> Option<&'a H::Body> {
        // SAFETY: the memory is a live handle and outlives 'a.
        checked(self.0).map(|cell| unsafe { &(*cell).body })
    }

    /// The body, or an error that names the parameter.
    pub(super) fn get(&self, name: &str) -> Result<&'a H::Body> {
        self.peek().ok_or_else(|| refused(self.0, name))
    }

    /// The body, `None` for NULL, or an error that names the parameter.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&'a H::Body>> {
        if self.0.is_null() { Ok(None) } else { self.get(name).map(Some) }
    }
}

impl<H: Handle<Place = InArc>> Borrowed<'_, H> {
    /// A share that lives on when the caller frees the handle meanwhile.
    pub(super) fn share(&self, name: &str) -> Result<Arc<Cell<H::Body>>> {
        let cell = checked(self.0).ok_or_else(|| refused(self.0, name))?;
        // SAFETY: the memory is a live handle that came from Arc::into_raw, so it holds one share that is not ours.
        Ok(unsafe {
            Arc::increment_strong_count(cell);
            Arc::from_raw(cell)
        })
    }
}

/// `T *`: a handle that stays the caller's and is changed.
pub(super) struct Exclusive<'a, H>(*mut H, PhantomData<&'a mut H>);

impl<'a, H: Handle<Place = InBox>> Exclusive<'a, H> {
    /// # Safety
    /// `pointer` is NULL, or a handle of this type that outlives `'a` and that nobody else uses meanwhile.
    pub(super) unsafe fn from_c(pointer: *mut H) -> Self {
        Exclusive(pointer, PhantomData)
    }

    /// The body, or an error that names the parameter.
    pub(super) fn get(self, name: &str) -> Result<&'a mut H::Body> {
        let cell = checked(self.0).ok_or_else(|| refused(self.0, name))?;
        // SAFETY: the memory is a live handle and only this call uses it for 'a.
        Ok(unsafe { &mut (*cell).body })
    }
}

/// `T *`: a handle that changes hands.
pub(super) struct Owned<H>(*mut H);

impl<H: Handle> Owned<H> {
    /// A new handle.
    pub(super) fn new(body: H::Body) -> Self {
        Owned(
            H::Place::give(Cell {
                mark: AtomicU64::new(H::MARK),
                body,
            })
            .cast(),
        )
    }

    /// The pointer for C, which must give it back once.
    pub(super) fn into_c(self) -> *mut H {
        self.0
    }

    /// # Safety
    /// `pointer` is NULL, or a handle of this type that nobody uses any more.
    pub(super) unsafe fn from_c(pointer: *mut H) -> Self {
        Owned(pointer)
    }

    /// The handle's memory. `None` for NULL and for what is no live handle, such as one that was freed before.
    pub(super) fn take(self) -> Option<<H::Place as Place<H::Body>>::Owner> {
        let cell = checked(self.0)?;
        // SAFETY: the memory is a live handle. The exchange lets one of two frees through.
        let mark = unsafe { &(*cell).mark };
        let change = |from, to| mark.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok();
        // Between the two tries a callback may end or begin.
        let taken = (0..3).any(|_| change(H::MARK, 0) || change(lent(H::MARK), lent_and_freed(H::MARK)));
        taken.then_some(())?;
        // SAFETY: it came from `new`, which used the same place, and the mark says that it was not taken.
        Some(unsafe { H::Place::take(cell) })
    }
}

/// `T *out`: the caller's memory for an answer.
pub(super) struct Out<'a, T>(*mut T, PhantomData<&'a mut T>);

impl<T> Out<'_, T> {
    /// # Safety
    /// `pointer` is NULL, or memory for one `T` that nobody else uses meanwhile. It need not be initialised.
    pub(super) unsafe fn from_c(pointer: *mut T) -> Self {
        Out(pointer, PhantomData)
    }

    /// Whether there is nothing to write to.
    pub(super) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Writes where there is something to write to.
    pub(super) fn put(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the memory is valid for one T, and is not read.
            unsafe { self.0.write(value) };
        }
    }

    /// Sets the answer to nothing, before anything can fail. NULL is an error.
    pub(super) fn start(&self, nothing: T) -> Result<()> {
        if self.is_null() {
            return Err(Error::invalid_argument("out is NULL"));
        }
        self.put(nothing);
        Ok(())
    }
}
