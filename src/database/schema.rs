//! The tables, as the migrations of both backends create them.

macro_rules! table {
    ($($body:tt)*) => {
        diesel::table! {
            use diesel::sql_types::*;
            use crate::database::types::{Guid, Json, UtcInstant, TextEnum};
            $($body)*
        }
    };
}

table! {
    conferences (id) {
        id -> Guid,
        slug -> Text,
        name -> Json,
        description -> Nullable<Json>,
        starts_on -> Date,
        ends_on -> Date,
        time_zone -> Text,
        languages -> Json,
        venue -> Nullable<Json>,
        created_at -> UtcInstant,
        walking_minutes -> Nullable<Integer>,
        preview_generation -> Integer,
        is_demonstration -> Bool,
        listing -> TextEnum,
    }
}

table! {
    organisations (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        name -> Json,
        kind -> TextEnum,
        country -> Nullable<Text>,
        website -> Nullable<Text>,
    }
}

table! {
    conference_organisations (conference_id, organisation_id, role) {
        conference_id -> Guid,
        organisation_id -> Guid,
        role -> TextEnum,
        ordinal -> Integer,
    }
}

table! {
    days (id) {
        id -> Guid,
        conference_id -> Guid,
        date -> Date,
        title -> Nullable<Json>,
        changeover -> Text,
    }
}

table! {
    rooms (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        name -> Json,
        capacity -> Nullable<Integer>,
    }
}

table! {
    tracks (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        name -> Json,
        description -> Nullable<Json>,
    }
}

table! {
    speakers (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        honorific -> Nullable<Json>,
        given_name -> Text,
        family_name -> Text,
        position -> Nullable<Json>,
        organisation_id -> Nullable<Guid>,
        country -> Nullable<Text>,
        biography -> Nullable<Json>,
        precedence -> Nullable<TextEnum>,
        precedence_rank -> Nullable<Integer>,
        took_office_on -> Nullable<Date>,
        visibility -> TextEnum,
        public_from -> Nullable<UtcInstant>,
    }
}

table! {
    sessions (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        guid -> Nullable<Guid>,
        kind -> TextEnum,
        title -> Json,
        #[sql_name = "abstract"]
        abstract_ -> Nullable<Json>,
        starts_at -> UtcInstant,
        ends_at -> UtcInstant,
        room_id -> Nullable<Guid>,
        track_id -> Nullable<Guid>,
        languages -> Json,
        interpretation -> Json,
        access -> TextEnum,
        seats -> Nullable<Integer>,
        visibility -> TextEnum,
        public_from -> Nullable<UtcInstant>,
        protocol_rule -> Nullable<TextEnum>,
    }
}

table! {
    items (id) {
        id -> Guid,
        conference_id -> Guid,
        session_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        kind -> TextEnum,
        title -> Json,
        #[sql_name = "abstract"]
        abstract_ -> Nullable<Json>,
        time_limit_minutes -> Nullable<Integer>,
        visibility -> TextEnum,
        public_from -> Nullable<UtcInstant>,
        inscribed_at -> Nullable<UtcInstant>,
        placed_by_hand -> Bool,
    }
}

table! {
    appearances (id) {
        id -> Guid,
        session_id -> Guid,
        item_id -> Nullable<Guid>,
        speaker_id -> Guid,
        role -> TextEnum,
        ordinal -> Integer,
        on_behalf_of_id -> Nullable<Guid>,
    }
}

table! {
    calls_for_action (id) {
        id -> Guid,
        conference_id -> Guid,
        title -> Json,
        preamble -> Nullable<Json>,
        issuing_speaker_id -> Nullable<Guid>,
        issuing_organisation_id -> Nullable<Guid>,
        status -> TextEnum,
    }
}

table! {
    commitments (call_for_action_id, number) {
        call_for_action_id -> Guid,
        number -> Integer,
        text -> Json,
        basis -> Nullable<Json>,
    }
}

table! {
    releases (id) {
        id -> Guid,
        conference_id -> Guid,
        number -> Integer,
        released_at -> UtcInstant,
        author -> Text,
        note -> Nullable<Text>,
        content -> Json,
        full_content -> Json,
        updated_at -> UtcInstant,
        force_reason -> Nullable<Text>,
        restores -> Nullable<Integer>,
        next_embargo_ends_at -> Nullable<UtcInstant>,
        history -> Json,
        words -> Json,
        rewrites -> Integer,
    }
}

table! {
    redactions (id) {
        id -> Guid,
        conference_id -> Guid,
        created_at -> UtcInstant,
        finished_at -> Nullable<UtcInstant>,
        details -> Nullable<Json>,
        releases_to -> Integer,
        rewritten_to -> Integer,
        scheduled_to -> Nullable<Guid>,
        report -> Json,
        leased_until -> Nullable<UtcInstant>,
    }
}

table! {
    representations (release_id, made_by, publication, language, coding) {
        release_id -> Guid,
        made_by -> Text,
        publication -> TextEnum,
        language -> Text,
        coding -> TextEnum,
        body -> Binary,
    }
}

table! {
    registration_setups (conference_id) {
        conference_id -> Guid,
        seats -> Nullable<BigInt>,
        seats_taken -> BigInt,
        opens_at -> Nullable<UtcInstant>,
        closes_at -> Nullable<UtcInstant>,
        last_arrival -> BigInt,
        questions -> Json,
        form_version -> Integer,
        verification_hours -> Integer,
        sessions_release -> Integer,
        last_event -> BigInt,
        open_after_end -> Bool,
        check_in_opens_at -> Nullable<UtcInstant>,
        enabled -> Bool,
        fields -> Json,
        letters -> Json,
    }
}

table! {
    site_setups (conference_id) {
        conference_id -> Guid,
        document -> Json,
        privacy_notice_version -> Nullable<Integer>,
    }
}

table! {
    privacy_notices (conference_id, version) {
        conference_id -> Guid,
        version -> Integer,
        document -> Json,
        created_at -> UtcInstant,
    }
}

table! {
    categories (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        ordinal -> Integer,
        name -> Json,
        seats -> Nullable<BigInt>,
        seats_taken -> BigInt,
        opens_at -> Nullable<UtcInstant>,
        closes_at -> Nullable<UtcInstant>,
        needs_approval -> Bool,
        needs_invitation -> Bool,
        verifies_email -> Bool,
        hidden -> Bool,
        waiting_list -> Bool,
        offer_hours -> Nullable<Integer>,
        badge -> Json,
        shared_mailbox -> Bool,
        description -> Nullable<Json>,
        fields -> Json,
    }
}

table! {
    registrations (id) {
        id -> Guid,
        conference_id -> Guid,
        category_id -> Guid,
        reference -> Text,
        state -> TextEnum,
        arrival -> BigInt,
        honorific -> Nullable<Text>,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        name -> Nullable<Text>,
        latin_name -> Nullable<Text>,
        email -> Nullable<Text>,
        email_folded -> Nullable<Text>,
        organisation -> Nullable<Text>,
        position -> Nullable<Text>,
        country -> Nullable<Text>,
        language -> Text,
        phone -> Nullable<Text>,
        accessibility_needs -> Nullable<Text>,
        dietary_needs -> Nullable<Text>,
        consented_at -> UtcInstant,
        token_generation -> Integer,
        created_at -> UtcInstant,
        updated_at -> UtcInstant,
        answers -> Json,
        form_version -> Integer,
        expires_at -> Nullable<UtcInstant>,
        offer_expires_at -> Nullable<UtcInstant>,
        invitation_id -> Nullable<Guid>,
        name_folded -> Text,
        birth_date -> Nullable<Date>,
        badge -> Json,
        shares_mailbox -> Bool,
        erased_at -> Nullable<UtcInstant>,
        salutation -> Nullable<Json>,
        consent_given -> TextEnum,
        consent_recorded_by -> Nullable<Text>,
        privacy_notice_version -> Nullable<Integer>,
    }
}

table! {
    registration_events (id) {
        id -> Guid,
        conference_id -> Guid,
        registration_id -> Guid,
        sequence -> BigInt,
        at -> UtcInstant,
        actor -> Text,
        event -> TextEnum,
        state -> TextEnum,
        detail -> Nullable<Json>,
    }
}

table! {
    outbox_messages (id) {
        id -> Guid,
        conference_id -> Guid,
        kind -> TextEnum,
        recipient -> Text,
        language -> Text,
        content -> Json,
        state -> TextEnum,
        tries -> Integer,
        next_try_at -> UtcInstant,
        lease_holder -> Nullable<Guid>,
        leased_until -> Nullable<UtcInstant>,
        last_error -> Nullable<Text>,
        created_at -> UtcInstant,
        sent_at -> Nullable<UtcInstant>,
        event_id -> Nullable<Guid>,
        priority -> Integer,
        domain -> Text,
        broadcast_id -> Nullable<Guid>,
        scrubbed_at -> Nullable<UtcInstant>,
        recipient_folded -> Text,
        is_held -> Bool,
        addressee_id -> Nullable<Guid>,
    }
}

table! {
    tokens (id) {
        id -> Guid,
        conference_id -> Nullable<Guid>,
        role -> TextEnum,
        label -> Text,
        source -> TextEnum,
        prefix -> Text,
        digest -> Text,
        created_at -> UtcInstant,
        revoked_at -> Nullable<UtcInstant>,
        expires_at -> Nullable<UtcInstant>,
        last_used_at -> Nullable<UtcInstant>,
    }
}

table! {
    scheduled_releases (id) {
        id -> Guid,
        conference_id -> Guid,
        publish_at -> UtcInstant,
        author -> Text,
        note -> Nullable<Text>,
        force_reason -> Nullable<Text>,
        full_content -> Json,
        state -> TextEnum,
        release_number -> Nullable<Integer>,
        created_at -> UtcInstant,
        rewrites -> Integer,
    }
}

table! {
    audit_entries (id) {
        id -> Guid,
        at -> UtcInstant,
        actor -> Text,
        request_id -> Nullable<Text>,
        operation -> Text,
        conference_id -> Nullable<Guid>,
        action -> TextEnum,
        resource -> TextEnum,
        thing_id -> Text,
        code -> Text,
        before -> Nullable<Json>,
        after -> Nullable<Json>,
        sequence -> BigInt,
    }
}

table! {
    idempotency_keys (id) {
        id -> Guid,
        scope -> Text,
        key -> Text,
        request_digest -> Text,
        status -> Nullable<Integer>,
        answer -> Nullable<Json>,
        created_at -> UtcInstant,
    }
}

table! {
    registration_forms (conference_id, version) {
        conference_id -> Guid,
        version -> Integer,
        questions -> Json,
    }
}

table! {
    registration_notes (id) {
        id -> Guid,
        registration_id -> Guid,
        at -> UtcInstant,
        author -> Text,
        text -> Text,
    }
}

table! {
    session_quotas (session_id) {
        session_id -> Guid,
        conference_id -> Guid,
        seats -> Nullable<BigInt>,
        seats_taken -> BigInt,
        seats_released -> Nullable<BigInt>,
        slot -> Nullable<Json>,
    }
}

table! {
    session_sign_ups (registration_id, session_id) {
        registration_id -> Guid,
        session_id -> Guid,
        state -> TextEnum,
        arrival -> BigInt,
        created_at -> UtcInstant,
    }
}

table! {
    invitations (id) {
        id -> Guid,
        conference_id -> Guid,
        kind -> TextEnum,
        code_digest -> Nullable<Text>,
        label -> Text,
        category_id -> Nullable<Guid>,
        email -> Nullable<Text>,
        email_folded -> Nullable<Text>,
        name -> Nullable<Text>,
        language -> Nullable<Text>,
        uses_max -> Nullable<Integer>,
        uses -> Integer,
        seats_reserved -> Integer,
        generation -> Integer,
        expires_at -> Nullable<UtcInstant>,
        ended_at -> Nullable<UtcInstant>,
        created_at -> UtcInstant,
        salutation -> Nullable<Text>,
    }
}

table! {
    delegations (id) {
        id -> Guid,
        conference_id -> Guid,
        code -> Text,
        kind -> TextEnum,
        name -> Json,
        name_folded -> Text,
        country -> Nullable<Text>,
        regional_group -> Nullable<TextEnum>,
        category_id -> Guid,
        quota -> Nullable<BigInt>,
        members -> BigInt,
        focal_point_name -> Nullable<Text>,
        focal_point_email -> Nullable<Text>,
        focal_point_language -> Nullable<Text>,
        focal_point_salutation -> Nullable<Json>,
        token_generation -> Integer,
        created_at -> UtcInstant,
        updated_at -> UtcInstant,
        shared_mailbox -> Bool,
    }
}

table! {
    delegation_members (registration_id) {
        registration_id -> Guid,
        delegation_id -> Guid,
        is_head -> Bool,
        level -> TextEnum,
    }
}

table! {
    possible_duplicates (id) {
        id -> Guid,
        conference_id -> Guid,
        registration_id -> Guid,
        earlier_id -> Guid,
        reason -> TextEnum,
        state -> TextEnum,
        created_at -> UtcInstant,
    }
}

table! {
    check_ins (conference_id, id) {
        conference_id -> Guid,
        id -> Guid,
        registration_id -> Nullable<Guid>,
        session_id -> Nullable<Guid>,
        gate -> Text,
        zone -> Nullable<Text>,
        at -> UtcInstant,
        day -> Nullable<Date>,
        received_at -> UtcInstant,
        sequence -> BigInt,
        outcome -> TextEnum,
        reason -> Nullable<TextEnum>,
        undoes -> Nullable<Guid>,
        actor -> Text,
        request_digest -> Text,
    }
}

table! {
    check_in_counters (conference_id) {
        conference_id -> Guid,
        last_sequence -> BigInt,
    }
}

table! {
    mail_templates (conference_id, kind, language) {
        conference_id -> Guid,
        kind -> TextEnum,
        language -> Text,
        source -> Text,
        updated_at -> UtcInstant,
        updated_by -> Text,
    }
}

table! {
    mail_broadcasts (id) {
        id -> Guid,
        conference_id -> Guid,
        kind -> TextEnum,
        state -> TextEnum,
        content -> Json,
        audience -> Json,
        per_minute -> Integer,
        reached -> BigInt,
        enqueued -> BigInt,
        source -> Nullable<Text>,
        created_by -> Text,
        created_at -> UtcInstant,
        started_at -> Nullable<UtcInstant>,
        finished_at -> Nullable<UtcInstant>,
    }
}

table! {
    mail_blocks (conference_id, address_folded, reason) {
        conference_id -> Guid,
        address_folded -> Text,
        reason -> TextEnum,
        detail -> Nullable<Text>,
        created_at -> UtcInstant,
    }
}

table! {
    mail_attempts (id) {
        id -> Guid,
        message_id -> Guid,
        at -> UtcInstant,
        outcome -> TextEnum,
        reply -> Nullable<Text>,
    }
}

diesel::joinable!(delegation_members -> registrations (registration_id));
diesel::joinable!(delegation_members -> delegations (delegation_id));
diesel::joinable!(session_sign_ups -> registrations (registration_id));
diesel::joinable!(tokens -> conferences (conference_id));
diesel::joinable!(representations -> releases (release_id));

table! {
    store_identity (id) {
        id -> Integer,
        secret_fingerprint -> Text,
        adopted_at -> UtcInstant,
    }
}

table! {
    uid_hosts (id) {
        id -> Integer,
        feeds -> Text,
        letters -> Text,
        pinned_at -> UtcInstant,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    representations,
    conferences,
    organisations,
    conference_organisations,
    days,
    rooms,
    tracks,
    speakers,
    sessions,
    items,
    appearances,
    calls_for_action,
    commitments,
    redactions,
    releases,
    registration_setups,
    site_setups,
    privacy_notices,
    categories,
    registrations,
    registration_events,
    outbox_messages,
    tokens,
    scheduled_releases,
    audit_entries,
    idempotency_keys,
    registration_forms,
    registration_notes,
    session_quotas,
    session_sign_ups,
    invitations,
    delegations,
    delegation_members,
    possible_duplicates,
    check_ins,
    check_in_counters,
    mail_templates,
    mail_broadcasts,
    mail_blocks,
    mail_attempts,
);
