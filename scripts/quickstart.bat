@echo off
rem Builds errand and opens its menu: a project, a job, its output, the workers.
rem Needs Go. On Linux and macOS: quickstart.sh.
setlocal
cd /d "%~dp0.."
where go >nul 2>nul || (echo quickstart: Go is required to build errand: https://go.dev/dl/ 1>&2 & exit /b 1)
set CGO_ENABLED=0
for /f "eol=# delims=" %%f in (scripts\goflags) do set GOFLAGS=%%f
go build -o bin\errand.exe .\cmd\errand || exit /b 1
bin\errand.exe quickstart %*
