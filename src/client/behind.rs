//! Work that goes on behind the call that began it: pages read ahead, questions that are never cut off.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinHandle;

/// Whatever whoever runs a call keeps for as long as some of its work is under way.
pub type Share = Arc<dyn Any + Send + Sync>;

tokio::task_local! {
    static SHARE: Share;
}

/// `work`, which keeps a share until it ends, and hands it on to what it leaves behind.
pub async fn sharing<T>(share: Share, work: impl Future<Output = T>) -> T {
    SHARE.scope(share, work).await
}

/// Starts work that may go on when the call is over.
pub(crate) fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let share = SHARE.try_with(Share::clone).ok();
    tokio::spawn(async move {
        let _share = share;
        work.await
    })
}
