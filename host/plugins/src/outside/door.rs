//! The one door of a call to the network. Both interfaces that a guest may ask
//! through count here.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use super::{Http, HttpError, HttpRequest, HttpResponse, bounds};

/// Sends what a guest asks for, within the bounds of one call. Without
/// anything behind it every request is denied.
#[derive(Clone, Default)]
pub(crate) struct HttpDoor {
    http: Option<Arc<dyn Http>>,
    sent: Arc<AtomicU32>,
}

impl HttpDoor {
    pub(crate) fn new(http: Option<Arc<dyn Http>>) -> Self {
        Self {
            http,
            sent: Arc::default(),
        }
    }

    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Some(http) = &self.http else {
            return Err(HttpError::Denied("nothing is granted".into()));
        };
        let nth = self.sent.fetch_add(1, Relaxed).saturating_add(1);
        bounds::request(nth, &request)?;
        http.send(request).await
    }
}
