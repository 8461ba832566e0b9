using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Clustron.Testing;

/// <summary>One server process, which can be killed, paused and started again. Not thread-safe.</summary>
public sealed class ClustronNode : IDisposable
{
    private const int Kill9 = 9, Terminate = 15;

    /// <summary>
    /// Runs the server in the shell's own process, so that its id is known, beside a reader of the pipe from this process. The kernel closes
    /// that pipe however this process ends, kill -9 too; if nobody wrote a line before, the reader kills the server and deletes the folder.
    /// </summary>
    private const string Leash = """
        data=$1; shift; exec 3<&0
        { read -r line <&3 || { kill -9 $$; [ -z "$data" ] || { sleep 1; rm -rf -- "$data"; }; }; } >/dev/null 2>&1 &
        exec "$@" 3<&- </dev/null
        """;

    private readonly string _program;
    private readonly IReadOnlyList<string> _arguments;
    private readonly string _directory;
    private readonly string _deletes;
    private readonly object _logLock = new();
    private readonly Queue<string> _log = new();
    private Process? _process;

    /// <param name="program">The server.</param>
    /// <param name="arguments">Its options.</param>
    /// <param name="port">Its port.</param>
    /// <param name="directory">Its data.</param>
    /// <param name="deletes">The folder that goes if this process ends without disposing of the node; empty: none.</param>
    internal ClustronNode(string program, IReadOnlyList<string> arguments, int port, string directory, string deletes) =>
        (_program, _arguments, Port, _directory, _deletes) = (program, arguments, port, directory, deletes);

    /// <summary>On 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary><c>127.0.0.1:port</c></summary>
    public string Endpoint => $"127.0.0.1:{Port}";

    /// <summary>The process runs, or is paused.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>The last lines that it logged.</summary>
    public string LogTail
    {
        get
        {
            lock (_logLock) return string.Join('\n', _log);
        }
    }

    /// <summary>kill -9, also of a paused one; waits until it is gone.</summary>
    public void Kill() => End(Kill9);

    /// <summary>SIGTERM: it hands over what it leads, and ends.</summary>
    public void Stop() => End(Terminate);

    /// <summary>SIGSTOP: it is there, and says nothing.</summary>
    public void Pause() => Signal(RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? 17 : 19);

    /// <summary>SIGCONT.</summary>
    public void Resume() => Signal(RuntimeInformation.IsOSPlatform(OSPlatform.OSX) ? 19 : 18);

    /// <summary>Starts it, again perhaps, on the same port and data; does not wait until it serves.</summary>
    public void Start()
    {
        if (IsRunning) throw new InvalidOperationException($"The node on port {Port} runs already.");
        Directory.CreateDirectory(_directory);
        var start = new ProcessStartInfo("/bin/sh")
        {
            WorkingDirectory = _directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in (string[])["-c", Leash, "sh", _deletes, _program, .. _arguments]) start.ArgumentList.Add(argument);
        Forget();
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.Exited += (process, _) => Unleash((Process)process!);
        _process.OutputDataReceived += (_, e) => Keep(e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Kills it.</summary>
    public void Dispose()
    {
        Kill();
        Forget();
    }

    /// <summary>Of a server that has ended; 137: by kill -9.</summary>
    internal int ExitCode => _process!.ExitCode;

    /// <summary>What the end of this process does to the node.</summary>
    internal void Abandon() => _process!.StandardInput.BaseStream.Dispose();

    /// <summary>It leads the cluster, as it says.</summary>
    public async Task<bool> IsLeaderAsync() =>
        IsRunning && await NodeProbe.InfoAsync(Port).ConfigureAwait(false) is { } info && info.TryGetValue("paxos_role", out string? role) && role == "leader";

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int process, int signal);

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (_logLock)
        {
            _log.Enqueue(line);
            if (_log.Count > 50) _log.Dequeue();
        }
    }

    private void Signal(int number)
    {
        if (_process is not { HasExited: false } process) throw new InvalidOperationException($"The node on port {Port} does not run.");
        if (SendSignal(process.Id, number) != 0) throw new InvalidOperationException($"Signal {number} could not be sent to the node on port {Port}.");
    }

    /// <summary>
    /// The server has ended, and its id may become somebody else's: nobody is to be killed any more, and the data stay. Who waits for the
    /// end and the event of the end both say so, on two threads: one at a time, or the pipe closes with the line unwritten.
    /// </summary>
    internal static void Unleash(Process process)
    {
        lock (process)
        {
            try
            {
                process.StandardInput.WriteLine();
                process.StandardInput.Close();
            }
            catch (Exception error) when (error is IOException or InvalidOperationException) { } // It was said already.
        }
    }

    private void Forget()
    {
        if (_process is not { } process) return;
        _process = null;
        Unleash(process);
        process.Dispose();
    }

    private void End(int signal)
    {
        if (_process is not { HasExited: false } process) return;
        if (signal == Kill9) process.Kill();
        else Signal(signal);
        if (!process.WaitForExit(TimeSpan.FromSeconds(20))) process.Kill();
        process.WaitForExit();
        Unleash(process);
    }
}
