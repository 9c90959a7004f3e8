//! The running service: HTTP, the mail worker and the other background tasks; its start and its graceful stop.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_cors::Cors;
use actix_web::{App, HttpRequest, http::header, middleware::from_fn, web};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use url::Url;

use crate::{
    access::{
        Actor, RateLimit, ServerSecret, TokenUses,
        secret::fingerprint::{SecretError, StartSecret, verify_fingerprint},
        token::{PlainToken, ensure_admin_token},
    },
    agenda,
    blueprint::{self, Blueprint, yaml},
    check_in::badges::Fonts,
    clock, connection_limits,
    database::{
        ConnectFailure, Connection, Database, Store,
        uid_hosts::{self, UidHosts},
    },
    docs, expiry,
    http::{
        Problem,
        connections::Connections,
        extract,
        middleware::{Ready, allow_cross_origin_reads, observe, wait_for_start},
        problem::{METHOD_NOT_ALLOWED, NOT_FOUND},
    },
    mail::{self, SenderDomains, Wake, Worker, api::Metrics},
    programme::{
        self, ProgrammeError, Programmes, PublicationRequest, documents,
        live::{Hub, ListenerLimits},
        releases,
        service::ProgrammeService,
    },
    registration::{RegistrationError, commit_queue::CommitQueue, erasure, refold_names, service::RegistrationService},
    routes,
    settings::Settings,
    site::{self, Site},
    values::Code,
};

/// The example conference, for a binary that runs without its file.
const EXAMPLE: &str = include_str!("../config/genocide-prevention-2014.yaml");
/// Path of the example in the repository, and default of the setting `seed`.
const EXAMPLE_PATH: &str = "config/genocide-prevention-2014.yaml";
/// Longest time for requests in progress at a graceful stop, in seconds.
const STOP_TIMEOUT_SECONDS: u64 = 10;
/// How much of that time the service still accepts connections, so that waiting clients are answered, too.
const LAST_CONNECTIONS_SECONDS: u64 = 2;
/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file, a port or the mail server's setting.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        source: io::Error,
    },
    #[error("{what}: {cause}")]
    Store {
        /// What was attempted.
        what: &'static str,
        cause: String,
    },
    /// The secret is missing, or belongs to another store.
    #[error("{0}")]
    Secret(SecretError),
    /// The blueprint for the empty store is wrong.
    #[error("{}", .0.join("\n"))]
    Seed(Vec<String>),
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { what: what.into(), source }
}

fn secret_error(what: &'static str) -> impl FnOnce(SecretError) -> ServeError {
    move |error| match error {
        SecretError::Store(error) => ServeError::Store { what, cause: causes(&error) },
        other => ServeError::Secret(other),
    }
}

/// The chain of an error's causes, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {}", cause_text.trim());
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// The service cannot start.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    let mut signals = Signals::catch().map_err(io_error("signals"))?;
    let connections =
        Connections::new(connection_limits::connection_limits(&settings, connection_limits::open_files()));
    let database = Database::open(&settings.store, settings.database_connections, settings.store_deadline)
        .map_err(io_error("database_url"))?;
    let start_secret = match ServerSecret::find_or_create(&database, &settings.data_dir).await {
        Ok(start_secret) => start_secret,
        Err(error) => {
            database.close().await;
            return Err(secret_error("the store cannot be migrated")(error));
        }
    };
    let secret = start_secret.secret.clone();
    let listener = TcpListener::bind(settings.listen).map_err(io_error(format!("listen {}", settings.listen)))?;
    let address = listener.local_addr().map_err(io_error("listen"))?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));

    let (ready, wake, programmes) = (Ready::default(), Wake::default(), Programmes::new(secret.clone(), &public_url));
    let service = RegistrationService {
        database: database.clone(),
        programmes: programmes.clone(),
        secret: secret.clone(),
        public_url: public_url.as_str().into(),
        wake: wake.clone(),
        registration_limit: RateLimit::new(&settings.rate_limits),
        code_limit: RateLimit::for_codes(&settings.rate_limits),
        queue: CommitQueue::new(database.clone(), secret.clone()),
        sender_domains: settings.mail.sender_domains.clone(),
        scratch_folder: settings.data_dir.as_path().into(),
    };
    let site = Site::load(settings.site_dir.as_deref(), &public_url).map_err(io_error("site_dir"))?;
    let fonts = Fonts::load(settings.badge_fonts.as_deref()).map_err(io_error("badge_fonts"))?;
    let fonts = web::Data::new(fonts);
    let metrics = Metrics::default();
    let worker = Worker::new(
        &settings.mail,
        database.clone(),
        secret.clone(),
        public_url.clone(),
        wake.clone(),
        metrics.clone(),
    )
    .map_err(io_error("mail_url"))?;

    let expiry_wake = wake.clone();
    let origins: Arc<[String]> = settings.cors_origins.clone().into();
    let state = ProgrammeService {
        database: database.clone(),
        programmes: programmes.clone(),
        secret: secret.clone(),
        public_url: public_url.as_str().into(),
    };
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let listeners = ListenerLimits {
        count_max: count(settings.event_listeners_max),
        per_client_max: count(settings.event_listeners_per_client_max),
    };
    let hub = Hub::new(programmes.clone(), database.clone(), listeners);
    let token_uses = TokenUses::default();
    let (app_ready, app_database, app_token_uses, app_hub) =
        (ready.clone(), database.clone(), token_uses.clone(), hub.clone());
    let app_connections = connections.clone();
    let app = move || {
        App::new()
            .app_data(extract::path_config())
            .app_data(site::body_config())
            .app_data(web::Data::new(app_ready.clone()))
            .app_data(web::Data::new(app_database.clone()))
            .app_data(web::Data::new(app_token_uses.clone()))
            .app_data(web::Data::new(app_connections.clone()))
            .app_data(web::Data::new(app_hub.clone()))
            .app_data(web::Data::new(wake.clone()))
            .app_data(web::Data::new(service.sender_domains.clone()))
            .app_data(web::Data::new(metrics.clone()))
            .app_data(web::Data::new(routes::documentation()))
            .app_data(web::Data::new(state.clone()))
            .app_data(web::Data::new(service.clone()))
            .app_data(web::Data::new(site.clone()))
            .app_data(web::Data::new(site.site_setups.clone()))
            .app_data(fonts.clone())
            .wrap(from_fn(|request, next| wait_for_start(site::starting_page, request, next)))
            .wrap(cors(&origins))
            .wrap(from_fn(|request, next| {
                allow_cross_origin_reads(programme::api::is_readable_by_any_origin, request, next)
            }))
            .wrap(from_fn(|request, next| observe(documents::answer::serve_cached, request, next)))
            .configure(routes::configure)
            .service(docs::to_page)
            .service(docs::page())
            .configure(site::configure)
            .default_service(web::to(no_such_route))
    };
    let server = crate::http::listener::serve(
        listener,
        connections.clone(),
        STOP_TIMEOUT_SECONDS - LAST_CONNECTIONS_SECONDS,
        app,
    )
    .map_err(io_error("listen"))?;
    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);

    let prepared = tokio::select! {
        prepared = prepare_when_reachable(&settings, &ready, &database, &programmes, &start_secret, &public_url) => {
            prepared.map(Some)
        }
        () = signals.wait() => Ok(None),
    };
    let token = match prepared {
        Ok(Some(token)) => token,
        stopped => {
            handle.stop(false).await;
            database.close().await;
            return stopped.map(|_| ());
        }
    };
    let (stop, stopped) = watch::channel(false);
    let following_releases = actix_web::rt::spawn(programmes.clone().run(database.clone(), stopped.clone()));
    let publishing_events = actix_web::rt::spawn(hub.clone().run());
    let purging_answers = actix_web::rt::spawn(crate::http::idempotency::purge(database.clone(), stopped.clone()));
    let recording_token_uses = actix_web::rt::spawn(token_uses.run(database.clone(), stopped.clone()));
    let expiring = expiry::run(database.clone(), programmes.clone(), expiry_wake, stopped.clone());
    let expiring = actix_web::rt::spawn(expiring);
    let retention_days = settings.mail.retention_days;
    let purging_mail = actix_web::rt::spawn(mail::purge(database.clone(), retention_days, stopped.clone()));
    let redacting =
        actix_web::rt::spawn(crate::programme::redaction::rewriting::run(database.clone(), stopped.clone()));
    let publishing_scheduled =
        crate::programme::releases::schedule::run(database.clone(), programmes.clone(), secret, stopped.clone());
    let publishing_scheduled = actix_web::rt::spawn(publishing_scheduled);
    let sending_mail = actix_web::rt::spawn(worker.run(stopped));
    ready.mark_ready();
    announce(address, &public_url, &programmes, token.as_ref()).map_err(io_error("standard output"))?;

    let served = tokio::select! {
        served = &mut serving => served,
        () = signals.wait() => {
            connections.begin_stop();
            // The answer of an event listener has no end of its own.
            hub.close();
            connections.wait_until_closed(Duration::from_secs(LAST_CONNECTIONS_SECONDS)).await;
            handle.stop(true).await;
            serving.await
        }
    };
    tracing::info!("stopping");
    hub.close();
    // The send fails if all tasks have ended by themselves.
    _ = stop.send(true);
    // Each task ends in time, unless the store blocks its thread.
    let abort_sending = sending_mail.abort_handle();
    let others = async {
        let _ = tokio::join!(
            following_releases,
            publishing_events,
            purging_answers,
            recording_token_uses,
            publishing_scheduled,
            redacting,
            expiring,
            purging_mail,
            sending_mail
        );
    };
    if tokio::time::timeout(Duration::from_secs(STOP_TIMEOUT_SECONDS), others).await.is_err() {
        tracing::warn!("stopped while the store gives no answer: messages on their way may be sent again");
        abort_sending.abort();
    }
    if tokio::time::timeout(Duration::from_secs(STOP_TIMEOUT_SECONDS), database.close()).await.is_err() {
        tracing::warn!("stopped while the store could not be closed; its journal is read at the next start");
    }
    match served {
        Ok(result) => result.map_err(io_error("serving")),
        Err(error) => Err(io_error("serving")(io::Error::other(error))),
    }
}

/// The signals that stop the service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches the signals, so that they no longer end the process.
    fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .disable_vary_header()
        .allow_any_method()
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH, header::IF_MATCH])
        .allowed_header("idempotency-key")
        .allowed_header("last-event-id")
        .allowed_header("prefer")
        .expose_headers([header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER])
        .expose_headers(["unprintable-badges"])
        .max_age(600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// 405 if the path is a route of another method, otherwise 404.
async fn no_such_route(request: HttpRequest) -> Result<actix_web::HttpResponse, Problem> {
    let allowed = routes::allowed_methods(request.path());
    if allowed.is_empty() {
        return Err(Problem::new(&NOT_FOUND).detail("the API is described at /docs"));
    }
    Err(Problem::new(&METHOD_NOT_ALLOWED).header(header::ALLOW, allowed.join(", ")))
}

/// The longest pause between attempts to reach a store at the start.
const START_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Interval between log lines of a start that waits.
const START_LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Prepares the store once it is reachable. Waits for a store that is down or starting; a store that refuses the
/// connection ends the start.
async fn prepare_when_reachable(
    settings: &Settings,
    ready: &Ready,
    database: &Database,
    programmes: &Programmes,
    start_secret: &StartSecret,
    public_url: &str,
) -> Result<Option<PlainToken>, ServeError> {
    let mut pause = Duration::from_millis(125);
    let mut last_logged: Option<(String, Instant)> = None;
    let mut has_failed = false;
    loop {
        let reason = match database.check_reachable().await {
            Ok(()) => match prepare(settings, database, programmes, start_secret, public_url).await {
                // The store may have been lost in the meantime, and come back.
                Err(ServeError::Store { what, cause })
                    if !has_failed && matches!(settings.store, Store::Postgres(_)) =>
                {
                    has_failed = true;
                    format!("{what}: {cause}")
                }
                prepared => return prepared,
            },
            Err(ConnectFailure::Temporary(reason)) => {
                has_failed = false;
                ready.wait_for_store();
                reason
            }
            Err(ConnectFailure::Permanent(cause)) => {
                return Err(ServeError::Store { what: "the store cannot be reached", cause });
            }
        };
        if last_logged.as_ref().is_none_or(|(logged, at)| *logged != reason || at.elapsed() >= START_LOG_INTERVAL) {
            tracing::warn!(%reason, "waiting for the store");
            last_logged = Some((reason, Instant::now()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(START_PAUSE_MAX);
    }
}

/// Migrates, pins the hosts of UIDs, sets the admin token, fills an empty store and loads the releases. Returns the
/// admin token if one was created.
async fn prepare(
    settings: &Settings,
    database: &Database,
    programmes: &Programmes,
    start_secret: &StartSecret,
    public_url: &str,
) -> Result<Option<PlainToken>, ServeError> {
    let store_error =
        |what: &'static str| move |error: &dyn std::error::Error| ServeError::Store { what, cause: causes(error) };
    database.migrate().await.map_err(|error| store_error("the store cannot be migrated")(&error))?;
    let recognised = verify_fingerprint(database, start_secret, &settings.data_dir).await;
    recognised.map_err(secret_error("the store cannot be read"))?;
    refold_names::fold(database).await.map_err(|error| store_error("names cannot be folded")(&error))?;
    let erased = erasure::erase_expired(database).await;
    erased.map_err(|error| store_error("what expired cannot be erased")(&error))?;
    // A store that is in use needs no seed, so the file may have been deleted.
    let is_empty = database
        .read(|tx| agenda::actions::list(tx).map(|conferences| conferences.is_empty()))
        .await
        .map_err(|error| store_error("the store cannot be read")(&error))?;
    let seed = settings.seed.as_deref().filter(|_| is_empty).map(read_seed).transpose()?;
    let (admin_token, secret) = (settings.admin_token.clone(), start_secret.secret.clone());
    let sender_domains = settings.mail.sender_domains.clone();
    let uid_hosts = UidHosts { feeds: feed_host(public_url), letters: settings.mail.sender_domain() };
    let token = database
        .write("first start", move |tx| {
            crate::database::lock_store(tx)?;
            uid_hosts::pin(tx, &uid_hosts, clock::now())?;
            if let Some((slug, blueprint)) = &seed {
                seed_if_empty(tx, slug, blueprint, &secret, &sender_domains)?;
            }
            Ok::<_, ProgrammeError>(ensure_admin_token(tx, admin_token.as_ref())?)
        })
        .await
        .map_err(|error| store_error("the store cannot be prepared")(&error))?;
    programmes.refresh(database).await.map_err(|error| store_error("the programme cannot be loaded")(&error))?;
    // Publishes what became due while no process ran; what cannot be published now is tried again later.
    if let Err(error) = releases::schedule::publish_all_due(database, programmes, &start_secret.secret).await {
        tracing::warn!(%error, "what is due cannot be published yet");
    }
    Ok(token)
}

/// The host of the public URL without the port: the service stays the same on another port.
fn feed_host(public_url: &str) -> String {
    let host = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| UidHosts::FALLBACK.to_owned())
}

fn read_seed(path: &Path) -> Result<(Code, Blueprint), ServeError> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path == Path::new(EXAMPLE_PATH) => EXAMPLE.to_owned(),
        Err(error) => return Err(io_error(format!("seed {name}"))(error)),
    };
    let source =
        yaml::Source::read(&text).map_err(|errors| ServeError::Seed(yaml::describe_syntax_errors(&name, &errors)))?;
    let blueprint = blueprint::document::read(source.value.clone())
        .map_err(|errors| ServeError::Seed(source.describe(&name, &errors)))?;
    Ok((blueprint.agenda.conference.slug.clone(), blueprint))
}

fn seed_if_empty(
    connection: &mut Connection,
    slug: &Code,
    blueprint: &Blueprint,
    secret: &ServerSecret,
    sender_domains: &SenderDomains,
) -> Result<(), ProgrammeError> {
    if !agenda::actions::list(connection)?.is_empty() {
        return Ok(());
    }
    let actor = Actor::service();
    let applied = blueprint::actions::apply(connection, slug, blueprint, &actor, sender_domains, false);
    applied.map_err(|error| match error {
        RegistrationError::Agenda(error) => error.into(),
        RegistrationError::Invalid(errors) => ProgrammeError::Invalid(errors),
        RegistrationError::Database(error) => ProgrammeError::Database(error),
        other => ProgrammeError::Database(crate::database::DatabaseError::Corrupt(other.to_string())),
    })?;
    let conference = agenda::actions::find(connection, slug)?;
    programme::publish(connection, &conference, PublicationRequest::default(), &Actor::service(), secret)?;
    Ok(())
}

fn announce(
    address: SocketAddr,
    public_url: &str,
    programmes: &Programmes,
    token: Option<&PlainToken>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Plenary is ready at http://{address}")?;
    writeln!(out, "  Pages        {public_url}/")?;
    for snapshot in programmes.all() {
        writeln!(out, "  Programme    {public_url}/api/v1/conferences/{}/programme", snapshot.conference.slug)?;
    }
    writeln!(out, "  API docs     {public_url}/docs")?;
    if let Some(token) = token {
        writeln!(out, "  Admin token  {}", token.reveal())?;
        writeln!(out, "               (shown this once; `plenary token create --role admin` makes another)")?;
    }
    writeln!(out, "Ctrl-C stops it.")?;
    out.flush()
}
