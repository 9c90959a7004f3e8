//! The HTTP server on a listening socket: actix's server with HTTP/1 and the routes, and the timeouts of each
//! connection.

use std::{fmt, future::ready, io, net::TcpListener, time::Duration};

use actix_http::{HttpService, Request, error::DispatchError};
use actix_server::Server;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    Error,
    body::BoxBody,
    dev::{AppConfig, ServiceResponse},
    rt::net::TcpStream,
};
use socket2::SockRef;

use super::{connection::Connection, connections::Connections};

/// Connections that the system accepts before the service does: many clients may come at the same time.
const BACKLOG: i32 = 1024;
/// How long the HTTP layer reads on after the answer to a request that was not read to its end.
const UNREAD_WAIT: Duration = Duration::from_secs(1);

/// Starts the server. A graceful stop waits `stop_timeout_seconds` for requests in progress.
///
/// # Errors
/// The socket cannot listen.
pub fn serve<F, A, S>(
    listener: TcpListener,
    connections: Connections,
    stop_timeout_seconds: u64,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> A + Send + Clone + 'static,
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::InitError: fmt::Debug,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
{
    SockRef::from(&listener).listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let service = move || {
        let routes = app().into_factory().map_err(|error| error.error_response());
        let admitting_connections = connections.clone();
        let admit = move |io: TcpStream| {
            let admission = Connection::admit(io, &admitting_connections);
            let no_room = || DispatchError::Io(io::Error::other("there is no room for a connection"));
            ready(admission.map(|(connection, peer)| (connection, Some(peer))).ok_or_else(no_room))
        };
        let service = HttpService::build()
            .client_request_timeout(connections.limits().wait)
            .client_disconnect_timeout(UNREAD_WAIT)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.exchange());
            })
            .h1(map_config(routes, |()| AppConfig::default()));
        fn_service(admit).and_then(service)
    };
    let server = Server::build()
        // [`Connections`] has the limits.
        .max_concurrent_connections(usize::MAX)
        .shutdown_timeout(stop_timeout_seconds)
        // The service handles signals itself, because a stop does more than actix's.
        .disable_signals()
        .listen("http", listener, service)?;
    Ok(server.run())
}
