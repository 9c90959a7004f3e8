# Les pages publiques, en français.
service-name = Plenary
skip-to-content = Aller au contenu
nav-label = Conférence
nav-front = Présentation
nav-programme = Programme
nav-speakers = Intervenants
nav-call-for-action = Appel à l’action
nav-my-programme = Mon programme
nav-register = S’inscrire
language-label = Langue
programme-changed = Le programme a changé.
changed-moved-to = Modifié : maintenant { $when }, { $room }.
changed-moved = Modifié : maintenant { $when }.
changed-roomless = Plus de salle.
changed-renamed = Nouveau titre : « { $title } ».
changed-added = Nouveau : { $title }.
changed-is-new = Nouveau
changed-removed = N’est plus ici : { $title }.
changed-gone = Ceci n’est plus au programme.
calendar-whole = Calendrier du programme
api-documentation = Documentation de l’API
organisation-role-organiser = Organisation
organisation-role-host = Hôte
organisation-role-partner = En coopération avec

times-are-local = Toutes les heures sont celles de la conférence ({ $zone }).
own-time-legend = Entre parenthèses, l’heure dans votre fuseau :

now-and-next = En ce moment et ensuite
now = En ce moment
next = Ensuite
until = jusqu’à

programme-none = Aucune séance n’a encore été annoncée. Revenez plus tard.
views-label = Présentation du programme
view-by-time = Par heure
view-by-room = Par salle
room-time = Heure
room-none = Ailleurs
programme-title = Programme
days-label = Journées
filters = Filtrer le programme
filter-day = Jour
filter-track = Thème
filter-room = Salle
filter-kind = Type de session
filter-any-day = Tous les jours
filter-any-track = Tous les thèmes
filter-any-room = Toutes les salles
filter-any-kind = Tous les types
filter-speaker = Uniquement avec { $name }
filter-apply = Afficher
filter-result = { $count ->
    [0] Aucune session ne correspond à votre choix.
    [1] Une session correspond à votre choix.
   *[other] { $count } sessions correspondent à votre choix.
 }
filter-clear = Afficher tout le programme
in-parallel = { $count ->
    [one] Une session
   *[other] { $count } sessions en parallèle
 }
choose = Dans mon programme
choose-hint = Cochez les sessions que vous souhaitez suivre pour composer votre propre programme.
choose-which = { "\u00A0" }: { $title }

my-programme-title = Mon programme
my-programme-open = Ouvrir mon programme
my-programme-hint = avec les sessions que vous avez cochées
my-programme-count = { $count ->
    [one] Une session choisie
   *[other] { $count } sessions choisies
 }
my-programme-empty = Vous n’avez encore choisi aucune session. Cochez des sessions dans le programme : elles apparaîtront ici.
my-programme-calendar = Ajouter à mon agenda
my-programme-keep = Garder ces sessions sur cet appareil
my-programme-link = L’adresse de cette page contient votre choix : enregistrez-la dans vos favoris ou envoyez-la à un collègue.
my-programme-update = Mettre à jour mon programme
my-programme-add = Ajouter à mon programme
my-programme-remove = Retirer de mon programme
to-the-programme = Voir le programme

session-facts = À propos de cette session
session-presiding = Présidence de la session
session-items = Déroulement
session-languages = Langues parlées
session-interpretation = Interprétation vers
session-access = Accès
session-calendar = Ajouter à mon agenda
session-previous = Avant
session-next = Après
neighbours-label = Sessions du même jour
seats = { $count ->
    [one] { $count } place
   *[other] { $count } places
 }
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
 }
list-separator = ,
on-behalf-of = au nom de { $name }
protocol-ministerial-intervention = Interventions ministérielles
protocol-institutional-response = Réponses institutionnelles
protocol-other = Déclarations

session-kind-opening = Ouverture
session-kind-thematic = Session thématique
session-kind-high-level-political = Session politique de haut niveau
session-kind-closing = Clôture
session-kind-parallel = Session parallèle
session-kind-side-event = Événement parallèle
session-kind-ceremony = Cérémonie
session-kind-social = Réception
session-kind-break = Pause

item-kind-welcome-address = Allocution de bienvenue
item-kind-keynote = Conférence introductive
item-kind-panel = Table ronde
item-kind-statement = Déclaration
item-kind-ministerial-intervention = Intervention ministérielle
item-kind-institutional-response = Réponse institutionnelle
item-kind-discussion = Débat
item-kind-call-for-action = Appel à l’action
item-kind-performance = Intermède artistique
item-kind-break = Pause

role-chair = Présidence
role-moderator = Modération
role-keynote-speaker = { $count ->
    [one] Conférence introductive
   *[other] Conférences introductives
 }
role-panellist = { $count ->
    [one] Panéliste
   *[other] Panélistes
 }
role-speaker = { $count ->
    [one] Intervention
   *[other] Interventions
 }
role-rapporteur = { $count ->
    [one] Rapport
   *[other] Rapports
 }

access-open = Ouvert à tous les participants
access-sign-up = Sur inscription à la session
access-invitation = Sur invitation

speakers-title = Intervenants
speakers-find = Trouver des intervenants
speakers-search = Nom, fonction ou organisation
speakers-any-country = Tous les pays
speakers-sort = Ordre
speakers-sort-agenda = Comme dans le programme
speakers-sort-precedence = Ordre de préséance
speakers-sort-name = Par nom
speakers-sort-role = Par rôle
speakers-found = { $count ->
    [0] Aucun intervenant ne correspond à votre choix.
    [one] Un intervenant correspond à votre choix.
   *[other] { $count } intervenants correspondent à votre choix.
 }
speakers-all = Afficher tous les intervenants
speakers-no-role = Autres intervenants
speakers-none = Aucun intervenant n’a encore été annoncé.
speaker-appearances = Dans le programme
speaker-calendar = Ajouter ces sessions à mon agenda

call-status-drafted = Projet
call-status-adopted = Adopté
call-issued-by = Lancé par { $name }
call-commitments = Engagements
call-basis = Fondement :
call-teaser = Ce que la conférence demande aux États, aux organisations et à la société civile.
call-read = Lire l’appel à l’action

tracks-title = Thèmes
registration-closes = Les inscriptions sont ouvertes jusqu’au { $when }.
registration-closed = Les inscriptions ne sont pas ouvertes actuellement.
conference-over = Cette conférence est terminée. Ces pages montrent ce qui a eu lieu.
conference-is-over = terminée
demonstration = Ceci est une démonstration. Aucune inscription n’y compte ; essayez ce que vous voulez.
registration-from = Ouverture : { $when }.
registration-until = Clôture : { $when }.

conferences-title = Conférences
conferences-none = Aucune conférence n’a encore été annoncée.

error-number = Erreur { $status }
error-404-title = Cette page est introuvable
error-404-words = Elle a peut-être été déplacée, ou son adresse est mal orthographiée.
error-410-title = Cette page n’existe plus
error-410-words = Ce qu’elle montrait a été retiré du programme.
error-429-title = Trop de demandes
error-429-words = Veuillez patienter un instant, puis réessayer.
error-503-title = Le service n’est pas disponible
error-503-words = Veuillez réessayer dans quelques minutes.
error-other-title = Une erreur s’est produite
error-other-words = La page n’a pas pu être affichée. Veuillez réessayer plus tard.
starting-title = Le service démarre
starting-words = Veuillez patienter : cette page se recharge d’elle-même dans quelques secondes.

## Contact, notices, practical information

nav-information = Informations pratiques
contact-title = Contact
privacy-title = Protection des données
privacy-notice-of = Protection des données : { $name }
legal-title = Mentions légales
accessibility-title = Accessibilité
controller-title = Responsable du traitement de vos données
controller-officer = Délégué à la protection des données :
