# De openbare pagina’s, in het Nederlands.
service-name = Plenary
skip-to-content = Naar de inhoud
nav-label = Conferentie
nav-front = Overzicht
nav-programme = Programma
nav-speakers = Sprekers
nav-call-for-action = Oproep tot actie
nav-my-programme = Mijn programma
nav-register = Inschrijven
language-label = Taal
programme-changed = Het programma is gewijzigd.
changed-moved-to = Gewijzigd: nu { $when } in { $room }.
changed-moved = Gewijzigd: nu { $when }.
changed-roomless = Geen zaal meer.
changed-renamed = Heet nu “{ $title }”.
changed-added = Nieuw: { $title }.
changed-is-new = Nieuw
changed-removed = Niet meer hier: { $title }.
changed-gone = Dit staat niet meer in het programma.
calendar-whole = Agenda van het programma
api-documentation = API-documentatie
organisation-role-organiser = Georganiseerd door
organisation-role-host = Gastheer
organisation-role-partner = In samenwerking met

times-are-local = Alle tijden zijn die van de conferentie ({ $zone }).
own-time-legend = Tussen haakjes het uur in uw eigen tijdzone:

now-and-next = Nu en straks
now = Nu
next = Straks
until = tot

programme-none = Er is nog geen sessie aangekondigd. Kom later terug.
views-label = Weergave van het programma
view-by-time = Per tijdstip
view-by-room = Per zaal
room-time = Tijd
room-none = Elders
programme-title = Programma
days-label = Dagen
filters = Programma filteren
filter-day = Dag
filter-track = Thema
filter-room = Zaal
filter-kind = Soort sessie
filter-any-day = Alle dagen
filter-any-track = Alle thema’s
filter-any-room = Alle zalen
filter-any-kind = Alle soorten
filter-speaker = Alleen met { $name }
filter-apply = Tonen
filter-result = { $count ->
    [0] Geen enkele sessie voldoet aan uw keuze.
    [one] Eén sessie voldoet aan uw keuze.
   *[other] { $count } sessies voldoen aan uw keuze.
 }
filter-clear = Het hele programma tonen
in-parallel = { $count ->
    [one] Eén sessie
   *[other] { $count } sessies tegelijk
 }
choose = In mijn programma
choose-hint = Vink de sessies aan die u wilt volgen om uw eigen programma samen te stellen.
choose-which = : { $title }

my-programme-title = Mijn programma
my-programme-open = Mijn programma openen
my-programme-hint = met de sessies die u hebt aangevinkt
my-programme-count = { $count ->
    [one] Eén sessie gekozen
   *[other] { $count } sessies gekozen
 }
my-programme-empty = U hebt nog geen sessies gekozen. Vink sessies aan in het programma; ze verschijnen dan hier.
my-programme-calendar = Toevoegen aan mijn agenda
my-programme-keep = Deze sessies op dit toestel bewaren
my-programme-link = Het adres van deze pagina bevat uw keuze: bewaar het als bladwijzer of stuur het naar een collega.
my-programme-update = Mijn programma bijwerken
my-programme-add = Toevoegen aan mijn programma
my-programme-remove = Verwijderen uit mijn programma
to-the-programme = Naar het programma

session-facts = Over deze sessie
session-presiding = Voorzitterschap
session-items = Verloop
session-languages = Gesproken talen
session-interpretation = Vertolking naar
session-access = Toegang
session-calendar = Toevoegen aan mijn agenda
session-previous = Ervoor
session-next = Erna
neighbours-label = Sessies van dezelfde dag
seats = { $count ->
    [one] { $count } plaats
   *[other] { $count } plaatsen
 }
minutes = { $count ->
    [one] { $count } minuut
   *[other] { $count } minuten
 }
list-separator = ,
on-behalf-of = namens { $name }
protocol-ministerial-intervention = Ministeriële interventies
protocol-institutional-response = Institutionele reacties
protocol-other = Verklaringen

session-kind-opening = Opening
session-kind-thematic = Thematische sessie
session-kind-high-level-political = Politieke sessie op hoog niveau
session-kind-closing = Slot
session-kind-parallel = Parallelle sessie
session-kind-side-event = Nevenevenement
session-kind-ceremony = Plechtigheid
session-kind-social = Receptie
session-kind-break = Pauze

item-kind-welcome-address = Welkomstwoord
item-kind-keynote = Hoofdlezing
item-kind-panel = Panelgesprek
item-kind-statement = Verklaring
item-kind-ministerial-intervention = Ministeriële interventie
item-kind-institutional-response = Institutionele reactie
item-kind-discussion = Debat
item-kind-call-for-action = Oproep tot actie
item-kind-performance = Optreden
item-kind-break = Pauze

role-chair = { $count ->
    [one] Voorzitter
   *[other] Voorzitters
 }
role-moderator = { $count ->
    [one] Moderator
   *[other] Moderatoren
 }
role-keynote-speaker = { $count ->
    [one] Hoofdspreker
   *[other] Hoofdsprekers
 }
role-panellist = { $count ->
    [one] Panellid
   *[other] Panelleden
 }
role-speaker = { $count ->
    [one] Spreker
   *[other] Sprekers
 }
role-rapporteur = { $count ->
    [one] Rapporteur
   *[other] Rapporteurs
 }

access-open = Open voor alle deelnemers
access-sign-up = Na aanmelding voor de sessie
access-invitation = Op uitnodiging

speakers-title = Sprekers
speakers-find = Sprekers zoeken
speakers-search = Naam, functie of organisatie
speakers-any-country = Alle landen
speakers-sort = Volgorde
speakers-sort-agenda = Zoals in het programma
speakers-sort-precedence = Protocollaire rangorde
speakers-sort-name = Op naam
speakers-sort-role = Op rol
speakers-found = { $count ->
    [0] Geen spreker voldoet aan uw keuze.
    [one] Eén spreker voldoet aan uw keuze.
   *[other] { $count } sprekers voldoen aan uw keuze.
 }
speakers-all = Alle sprekers tonen
speakers-no-role = Andere sprekers
speakers-none = Er zijn nog geen sprekers aangekondigd.
speaker-appearances = In het programma
speaker-calendar = Deze sessies toevoegen aan mijn agenda

call-status-drafted = Ontwerp
call-status-adopted = Aangenomen
call-issued-by = Uitgaande van { $name }
call-commitments = Verbintenissen
call-basis = Op grond van
call-teaser = Wat de conferentie vraagt van staten, organisaties en het maatschappelijk middenveld.
call-read = Lees de oproep tot actie

tracks-title = Thema’s
registration-closes = U kunt zich inschrijven tot { $when }.
registration-closed = Inschrijven is op dit moment niet mogelijk.
conference-over = Deze conferentie is afgelopen. Deze pagina’s tonen wat er plaatsvond.
conference-is-over = afgelopen
demonstration = Dit is een demonstratie. Inschrijvingen tellen hier niet; probeer gerust alles uit.
registration-from = De inschrijving opent op { $when }.
registration-until = De inschrijving sluit op { $when }.

conferences-title = Conferenties
conferences-none = Er zijn nog geen conferenties aangekondigd.

error-number = Fout { $status }
error-404-title = Deze pagina is niet gevonden
error-404-words = Misschien is ze verplaatst, of is het adres verkeerd gespeld.
error-410-title = Deze pagina bestaat niet meer
error-410-words = Wat ze toonde, is uit het programma verwijderd.
error-429-title = Te veel aanvragen
error-429-words = Wacht even en probeer het dan opnieuw.
error-503-title = De dienst is niet beschikbaar
error-503-words = Probeer het over enkele minuten opnieuw.
error-other-title = Er is iets misgegaan
error-other-words = De pagina kon niet worden getoond. Probeer het later opnieuw.
starting-title = De dienst start op
starting-words = Even geduld: deze pagina laadt over enkele seconden vanzelf opnieuw.

## Contact, notices, practical information

nav-information = Praktische informatie
contact-title = Contact
privacy-title = Privacyverklaring
privacy-notice-of = Privacyverklaring van { $name }
legal-title = Juridische informatie
accessibility-title = Toegankelijkheid
controller-title = Verantwoordelijk voor uw gegevens
controller-officer = Functionaris voor gegevensbescherming:
