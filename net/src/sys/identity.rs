//! Whether two types are the same, whatever lifetimes they are written with.
//!
//! std's [`TypeId`] is for types that live for ever; a reader may be a `&TcpStream` of any lifetime.
//! Only a yes or no comes out of here. To take the one type for the other after that would be wrong:
//! it could make a lifetime longer than it is.

#![allow(unsafe_code)]

use std::any::TypeId;
use std::marker::PhantomData;

/// Whether `T` and `U` are the same but for lifetimes.
pub(crate) fn is_same<T: ?Sized, U: ?Sized>() -> bool {
    identity::<T>() == identity::<U>()
}

fn identity<T: ?Sized>() -> TypeId {
    let stand_in = PhantomData::<T>;
    let short: &dyn Identity = &stand_in;
    // SAFETY: lifetimes are no part of a reference's layout nor of the table behind it. The method
    // is called on it before `stand_in` goes, looks at nothing, and returns no reference.
    let long: &(dyn Identity + 'static) = unsafe { std::mem::transmute(short) };
    long.identity()
}

/// Has a table for every type, also one that does not live for ever.
trait Identity {
    fn identity(&self) -> TypeId
    where
        Self: 'static;
}

impl<T: ?Sized> Identity for PhantomData<T> {
    fn identity(&self) -> TypeId
    where
        Self: 'static,
    {
        TypeId::of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_text<T>(_: T) -> bool {
        is_same::<T, &str>()
    }

    #[test]
    fn lifetimes_do_not_count_and_all_else_does() {
        let local = String::from("not for ever");
        assert!(is_text(local.as_str()));
        assert!(!is_text(&local));
        assert!(!is_text(local));
        assert!(is_same::<str, str>() && !is_same::<str, [u8]>());
        assert!(!is_same::<&u8, &mut u8>());
    }
}
