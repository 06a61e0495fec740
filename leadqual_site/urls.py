"""All URLs: pages and verbs of qualification, intake, log-in, admin."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("", include("qualification.urls")),
]

handler400 = "qualification.views.errors.bad_request"
handler403 = "qualification.views.errors.forbidden"
handler404 = "qualification.views.errors.not_found"
handler500 = "qualification.views.errors.server_error"
