from django.apps import AppConfig


class LifeosProjectConfig(AppConfig):
    name = "lifeos_project"
