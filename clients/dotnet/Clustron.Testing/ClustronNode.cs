using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Clustron.Testing;

/// <summary>One server process, which can be killed, paused and started again. Not thread-safe.</summary>
public sealed class ClustronNode : IDisposable
{
    private const int Kill9 = 9, Terminate = 15;
    private readonly string _program;
    private readonly IReadOnlyList<string> _arguments;
    private readonly string _directory;
    private readonly object _logLock = new();
    private readonly Queue<string> _log = new();
    private Process? _process;

    internal ClustronNode(string program, IReadOnlyList<string> arguments, int port, string directory) =>
        (_program, _arguments, Port, _directory) = (program, arguments, port, directory);

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
        var start = new ProcessStartInfo(_program)
        {
            WorkingDirectory = _directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in _arguments) start.ArgumentList.Add(argument);
        _process?.Dispose();
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Keep(e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(e.Data);
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Kills it.</summary>
    public void Dispose()
    {
        Kill();
        _process?.Dispose();
        _process = null;
    }

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

    private void End(int signal)
    {
        if (_process is not { HasExited: false } process) return;
        if (signal == Kill9) process.Kill();
        else Signal(signal);
        if (!process.WaitForExit(TimeSpan.FromSeconds(20))) process.Kill();
        process.WaitForExit();
    }
}
