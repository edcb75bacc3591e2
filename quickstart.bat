@echo off
rem Builds errand and opens its menu: a project, a job, its output, the workers.
rem Needs Go. On Linux and macOS: quickstart.sh.
setlocal
cd /d "%~dp0"
where go >nul 2>nul || (echo quickstart: Go is needed to build errand: https://go.dev/dl/ 1>&2 & exit /b 1)
set CGO_ENABLED=0
go build -trimpath -tags lambda.norpc -o bin\errand.exe .\cmd\errand || exit /b 1
bin\errand.exe quickstart %*
